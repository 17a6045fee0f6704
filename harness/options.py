"""The options of the command line, and the profile and the ask that follow from them.

Owns their names, bounds and help. Refuses to run anything. Bad usage ends the program with one line and
status 2.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args

from .clauses import CLAUSES
from .clients.dialects import DIALECTS
from .load import options as load_options
from .scenarios import SCENARIOS
from .targets import file as target_file
from .targets.declaration import REFERENCE, Ask, Level, Profile
from .targets.known import TARGETS

BAD_USAGE = 2
PROG = f"python -m {__package__}"


class Parser(argparse.ArgumentParser):
    """Bad usage is one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end."""
        self.exit(BAD_USAGE, f"{self.prog}: {message} (--help shows the options)\n")


def parse(argv: Sequence[str], prog: str = PROG) -> argparse.Namespace:
    """Read a command line; what follows `--` is the target's command. Exits with 2 on bad usage."""
    own, command = split_at_dashes(argv)
    parser = build_parser(prog)
    args = parser.parse_args(own)
    args.command = command
    if command is not None and not any("{port}" in word for word in command):
        parser.error("the COMMAND after -- has no {port}: the harness chooses the port and has to tell it")
    for name in vars(args).get("names", []):
        if name not in SCENARIOS and name != "all":
            parser.error(f"no scenario is called {name!r}: there are {', '.join(SCENARIOS)}, and all")
    return args


def split_at_dashes(argv: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """What is ours, and what is the target's command; None where there is no `--`."""
    if "--" not in argv:
        return list(argv), None
    at = list(argv).index("--")
    return list(argv[:at]), list(argv[at + 1 :])


def profile_of(args: argparse.Namespace) -> Profile:
    """The target: one by name, from a file, or the COMMAND; with what the options declare about it."""
    profile = args.target or (REFERENCE if args.command is None or args.reference else Profile(command=args.command))
    if args.command is not None:
        profile = profile.changed(command=args.command)
    paths = ("ready", "health", "metrics", "broadcast", "ws")
    names = (*paths, "talk_path", "dialect", "timeout_env", "pace_env", "parent_delay_s", "shutdown_marker", "level")
    given = {name: getattr(args, name) for name in names}
    declared: dict[str, Any] = {
        name: None if value in ("none", "") else value for name, value in given.items() if value is not None
    }
    if args.known:
        declared["known"] = dict(profile.known) | dict(args.known)
    return profile.changed(**declared)


def ask_of(args: argparse.Namespace) -> Ask:
    """What is asked of the target; a seed is drawn where none is given."""
    seed = random.randrange(2**32) if args.seed is None else args.seed
    times = {"timeout_s": args.timeout, "close_timeout_s": args.close_timeout, "patience_s": args.patience_s}
    given = {name: value for name, value in times.items() if value is not None}
    watched = args.starvation == "auto"
    return Ask(args.clients, seed=seed, starvation=watched, say_per_s=args.say_per_s, **given)


def without_effect(args: argparse.Namespace, profile: Profile) -> list[str]:
    """The times that were asked for and that this target cannot be told: one line each, with what is in force."""
    knobs = (
        ("--timeout", args.timeout, "timeout_env", "drain_timeout_s"),
        ("--close-timeout", args.close_timeout, "close_timeout_env", "close_timeout_s"),
    )
    lines = []
    for option, asked, variable, promise in knobs:
        if asked is not None and getattr(profile, variable) is None:
            promised_s = getattr(profile, promise)
            instead = f"it promises {promised_s:g} s" if promised_s is not None else f"no {promise} is declared either"
            lines.append(f"{option} {asked:g} does not apply: the target declares no {variable}, and {instead}")
    return lines


def build_parser(prog: str) -> Parser:
    """The parser for everything before `--`."""
    parser = Parser(
        prog=prog,
        description="Load, chaos and verdicts for a WebSocket server that is told to stop.",
        epilog="Exit: 0 every clause of the level passes, is excluded or known; 1 one fails, or a known one passes; "
        "2 one is unknown, or no verdict.",
    )
    commands = parser.add_subparsers(dest="what", required=True, metavar="judge | drain | run | survey | load | list")
    options = common_options()
    commands.add_parser("judge", parents=[options], help="a survey, then whatever shows how far the target gets")
    commands.add_parser("survey", parents=[options], help="what a target has, written as a target file to stdout")
    commands.add_parser("drain", parents=[options], help="every persona, evicted at the deadline")
    several = commands.add_parser("run", parents=[options], help="scenarios by name, or all")
    several.add_argument("names", nargs="+", metavar="NAME", help=f"{', '.join(SCENARIOS)}, or all")
    load_options.add_to(commands.add_parser("load", help="how fast, how many, how much memory"))
    commands.add_parser("list", help="the scenarios and the clauses, with their claims")
    return parser


def common_options() -> Parser:
    """The options of every command that runs something."""
    parser = Parser(add_help=False)
    add = parser.add_argument
    add(
        "--clients", type=whole, default=500, metavar="N", help="how many (default 500; `run all`: no more than needed)"
    )
    add("--timeout", type=positive, metavar="S", help="drain timeout to ask for (default 5)")
    add("--close-timeout", type=positive, metavar="S", help="X, for one closing handshake, to ask for (3)")
    add("--patience-s", type=positive, metavar="S", help="for the exit, where the target promises no time (60)")
    add("--say-per-s", type=rate, metavar="N", help="of each client that talks (default: what suits the crowd)")
    add("--seed", type=int, metavar="N", help="replays the same moments (default: drawn, and printed)")
    add("--tellings", type=often, default=3, metavar="N", help="while a busy machine leaves something unknown (3)")
    add("--starvation", choices=("auto", "none"), default="auto", help="watch how long the target waits for a core")
    known = ", ".join(TARGETS)
    add("--target", type=target, metavar="NAME|F", help=f"{known}, or a target file, .toml (default uvicorn)")
    add("--json", type=Path, metavar="F", help="write the report for programs")
    add("--junit", type=Path, metavar="F", help="write JUnit XML: one test case for each clause")
    add("--history", type=Path, metavar="F", help="write everything that was observed, as JSON lines")
    declare(parser.add_argument_group("the target, when a COMMAND with {port} follows --"))
    return parser


def declare(target: argparse._ArgumentGroup) -> None:
    """The options by which a target declares itself; their names are the fields of the profile."""
    add = target.add_argument
    for name in ("ready", "health", "metrics"):
        add(f"--{name}", metavar="PATH|none", type=path_or_none, help=f"default /{name}")
    add("--broadcast", metavar="PATH|none", type=path_or_none, help="takes a POST (default /broadcast)")
    add("--ws", metavar="PATH", type=path, help="default /ws; {client} and {number} are filled in")
    add("--talk", dest="talk_path", metavar="PATH", type=path, help="where a sender is answered (default: as --ws)")
    add("--dialect", choices=sorted(DIALECTS), help="how to talk to it (default broadcast)")
    add("--timeout-env", metavar="NAME", help="its variable for the drain timeout, in seconds")
    add("--pace-env", metavar="NAME", help="its variable for the pace, in closes a second")
    add("--parent-delay", type=positive, dest="parent_delay_s", metavar="S", help="of a parent process (0)")
    add("--shutdown-marker", metavar="TEXT|none", help="printed as lifespan shutdown begins (uvicorn's)")
    add("--level", choices=get_args(Level), help="what the exit status is about (default clean)")
    add("--known", action="append", type=known_failure, metavar="N=REASON", help="a clause that is expected to fail")
    add("--reference", action="store_true", help="COMMAND is the reference server, or a variant of it")


def target(text: str) -> Profile:
    """A target by its name, or from a file."""
    if text in TARGETS:
        return TARGETS[text]
    if not text.endswith(".toml"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a target: one of {', '.join(TARGETS)}, or a .toml file")
    try:
        return target_file.load(Path(text))
    except target_file.TargetFileError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def bounded(convert: Callable[[str], float], text: str, least: float, what: str) -> float:
    """A number that is not too small; argparse shows what is wrong with it."""
    try:
        value = convert(text)
    except ValueError:
        value = least - 1
    if not least <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return value


def known_failure(text: str) -> tuple[int, str]:
    """A clause that is expected to fail, and why."""
    number, _, reason = text.partition("=")
    if not reason or number not in map(str, CLAUSES):
        raise argparse.ArgumentTypeError(f"{text!r} is not the number of a clause, = and why it fails")
    return int(number), reason


def whole(text: str) -> int:
    """A number of clients."""
    return int(bounded(int, text, 1, "a number of clients, 1 or more"))


def often(text: str) -> int:
    """How often a scenario is told at most."""
    return int(bounded(int, text, 1, "a number of tellings, 1 or more"))


def positive(text: str) -> float:
    """A duration in seconds."""
    return bounded(float, text, 0.001, "a duration in seconds")


def rate(text: str) -> float:
    """How much one client says in a second."""
    return bounded(float, text, 0.001, "a rate, messages a second")


def path(text: str) -> str:
    """A path on the target."""
    if not text.startswith("/"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a path: it must begin with /")
    return text


def path_or_none(text: str) -> str:
    """A path on the target, or `none` where it has no such endpoint."""
    return text if text == "none" else path(text)
