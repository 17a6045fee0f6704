"""The options of `load`.

Owns their names, bounds and help, and how one depends on another. Refuses to run anything.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ..targets.declaration import Profile
from .plan import Plan
from .servers import KNOWN, LIMIT, Server, foreign

STEPS = (100, 300, 1000, 3000, 10_000)
MOST_CLIENTS = 1_000_000


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options of `load`."""
    add = parser.add_argument
    add("--clients", type=_whole, default=1000, metavar="N", help="how many clients (default 1000)")
    add("--growth", type=_counts, metavar="N,N", help="several numbers of clients, one after another")
    against = f"measure these too, and print ratios to them: {', '.join(KNOWN)}"
    add("--against", type=_servers, default=(), metavar="NAME,NAME", help=against)
    add("--runs", type=_whole, default=5, metavar="N", help="how often, the servers taking turns (default 5)")
    add("--seconds", type=_seconds, default=5.0, metavar="S", help="of echoes, and of steady broadcasts (default 5)")
    add("--idle", type=_seconds_or_0, default=20.0, metavar="S", help="how long idle CPU is watched (20; 0: not)")
    add("--echo-rate", type=_seconds_or_0, default=1000.0, metavar="N", help="echoes a second (1000; 0: none)")
    add("--deflate", action="store_true", help="the clients offer permessage-deflate, as browsers do")
    add("--with-clients", choices=("c", "picows"), help="which clients (default: c where a compiler is)")
    add("--shared-core", action="store_true", help="measure even where server and clients have one core in all")
    add("--json", type=Path, metavar="F", help="write every run, the medians and the ratios")
    add("--plot", type=Path, metavar="F.svg", help=f"draw the growth (without --growth: {_steps_text()})")
    group = parser.add_argument_group("the server, when a COMMAND with {port} follows -- (default: Ebb's launcher)")
    group.add_argument("--ws", type=_path, default="/ws", metavar="PATH", help="a text goes to all others there (/ws)")
    group.add_argument("--echo", type=_path, metavar="PATH", help="a text comes back there (default: nowhere)")
    group.add_argument("--echo-text", metavar="TEXT", help="what to say there")
    group.add_argument("--ready", type=_path, metavar="PATH", help="answers when it is up (default: it accepts)")
    group.add_argument("--timeout-env", metavar="NAME", help="its variable for the drain timeout: set to 0")
    group.add_argument("--pace-env", metavar="NAME", help="its variable for the pace of closes: set to 1e9")


def servers_of(args: argparse.Namespace) -> list[Server]:
    """The measured server, followed by those that it is compared with."""
    first = KNOWN["ebb"]
    if args.command is not None:
        knobs = {"drain_timeout_env": args.timeout_env or None, "pace_env": args.pace_env or None}
        profile = Profile(command=args.command, ready=args.ready, ws=args.ws, **knobs)
        first = foreign(profile, args.echo, args.echo_text)
    return [first, *(server for server in args.against if server.name != first.name)]


def plans_of(args: argparse.Namespace) -> list[Plan]:
    """One for each number of clients, in ascending order."""
    counts = [args.clients]
    if args.growth or args.plot:
        counts = args.growth or [*(step for step in STEPS if step < args.clients), args.clients]
    return [Plan(count, args.seconds, args.idle, args.echo_rate, args.deflate) for count in sorted(set(counts))]


def without_limit(servers: list[Server]) -> list[Server]:
    """The servers that need no compiler."""
    return [server for server in servers if server.name != LIMIT]


def _steps_text() -> str:
    return f"{', '.join(map(str, STEPS[:3]))}... up to --clients"


def _whole(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_CLIENTS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST_CLIENTS}")
    return int(text)


def _counts(text: str) -> list[int]:
    return [_whole(part) for part in text.split(",")]


def _servers(text: str) -> list[Server]:
    names = list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in KNOWN:
            raise argparse.ArgumentTypeError(f"no server is called {name!r}: there are {', '.join(KNOWN)}")
    return [KNOWN[name] for name in names]


def _seconds(text: str) -> float:
    if (value := _seconds_or_0(text)) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not more than 0")
    return value


def _seconds_or_0(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 100000")
    return value


def _path(text: str) -> str:
    if not text.startswith("/") or " " in text or len(text) > 500:
        raise argparse.ArgumentTypeError(f"{text!r} is not a path: it must begin with /")
    return text
