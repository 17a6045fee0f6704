"""The options of the command line, and the profile and the ask that follow from them.

Owns their names, bounds and help. Refuses to run anything. Bad usage ends the program with one line and
status 2.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from .clauses import CLAUSES
from .load import options as load_options
from .scenarios import SCENARIOS
from .targets import file as target_file
from .targets import options as target_options
from .targets.declaration import REFERENCE, Ask, Profile
from .targets.known import BASES

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
    for name in vars(args).get("names", []):
        if name not in SCENARIOS and name != "all":
            parser.error(f"no scenario is called {name!r}: there are {', '.join(SCENARIOS)}, and all")
    if args.what == "load" and command is not None and not any("{port}" in word for word in command):
        parser.error("the COMMAND after -- has no {port}: the harness chooses the port and has to tell it")
    if "target" in args:
        try:
            profile = profile_of(args)
        except ValueError as error:
            parser.error(str(error))
        unknown = profile.known.keys() - CLAUSES.keys()
        if args.what == "survey" and profile.url:
            parser.error("a survey starts the target and stops it again: it needs a command, not a url")
        if unknown:
            parser.error(f"known {min(unknown)}: the contract has no such clause")
    return args


def split_at_dashes(argv: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """What is ours, and what is the target's command; None where there is no `--`."""
    if "--" not in argv:
        return list(argv), None
    at = list(argv).index("--")
    return list(argv[:at]), list(argv[at + 1 :])


def profile_of(args: argparse.Namespace) -> Profile:
    """The target: one by name, from a file, or the COMMAND; with what the options declare about it.

    Raises ValueError, which names the key that is wrong.
    """
    lines = target_options.written(args, args.target)
    ours = args.reference or (args.command is None and "url" not in lines)
    onto = args.target or (REFERENCE if ours else None)
    if args.command is not None:
        lines["command"] = args.command
    return target_file.read(lines, onto)


def ask_of(args: argparse.Namespace) -> Ask:
    """What is asked of the target; a seed is drawn where none is given."""
    seed = random.randrange(2**32) if args.seed is None else args.seed
    times = {"timeout_s": args.timeout, "close_timeout_s": args.close_timeout, "patience_s": args.patience_s}
    given = {name: value for name, value in times.items() if value is not None}
    watched = args.starvation == "auto"
    given |= {"clients": args.clients} if args.clients is not None else {}
    return Ask(seed=seed, starvation=watched, say_per_s=args.say_per_s, chosen=args.clients is not None, **given)


def without_effect(args: argparse.Namespace, profile: Profile) -> list[str]:
    """The times that were asked for and that this target cannot be told: one line each, with what is in force."""
    knobs = (
        ("--timeout", args.timeout, "drain_timeout_env", "drain_timeout_s"),
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
    what = "judge | drain | run | survey | load | list | schema"
    commands = parser.add_subparsers(dest="what", required=True, metavar=what)
    options = common_options()
    commands.add_parser("judge", parents=[options], help="a survey, then whatever shows how far the target gets")
    commands.add_parser("survey", parents=[options], help="what a target has, written as a target file to stdout")
    commands.add_parser("drain", parents=[options], help="every persona, evicted at the deadline")
    several = commands.add_parser("run", parents=[options], help="scenarios by name, or all")
    several.add_argument("names", nargs="+", metavar="NAME", help=f"{', '.join(SCENARIOS)}, or all")
    load_options.add_to(commands.add_parser("load", help="how fast, how many, how much memory"))
    commands.add_parser("list", help="the scenarios and the clauses, with their claims")
    commands.add_parser("schema", help="the JSON Schema of target files, for editors")
    return parser


def common_options() -> Parser:
    """The options of every command that runs something."""
    parser = Parser(add_help=False)
    add = parser.add_argument
    add(
        "--clients",
        type=whole,
        metavar="N",
        help="how many (default 500; `abuse`: 100; `run all`: no more than needed)",
    )
    add("--timeout", type=positive, metavar="S", help="drain timeout to ask for (default 5)")
    add("--close-timeout", type=positive, metavar="S", help="X, for one closing handshake, to ask for (3)")
    add("--patience-s", type=positive, metavar="S", help="for the exit, where the target promises no time (60)")
    add("--say-per-s", type=rate, metavar="N", help="of each client that talks (default: what suits the crowd)")
    add("--seed", type=int, metavar="N", help="replays the same moments (default: drawn, and printed)")
    add("--tellings", type=often, default=3, metavar="N", help="while a busy machine leaves something unknown (3)")
    add("--starvation", choices=("auto", "none"), default="auto", help="watch how long the target waits for a core")
    known = ", ".join(BASES)
    add("--target", type=target, metavar="NAME|F", help=f"{known}, or a target file, .toml (default uvicorn)")
    add("--json", type=Path, metavar="F", help="write the report for programs")
    add("--junit", type=Path, metavar="F", help="write JUnit XML: one test case for each clause")
    add("--history", type=Path, metavar="F", help="write everything that was observed, as JSON lines, run by run")
    group = parser.add_argument_group("the target: what is written here overrides a target file")
    target_options.add_to(group)
    group.add_argument("--reference", action="store_true", help="COMMAND is the reference server, or a variant of it")
    return parser


def target(text: str) -> Profile:
    """A target by its name, or from a file."""
    if text in BASES:
        return BASES[text]
    if not text.endswith(".toml"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a target: one of {', '.join(BASES)}, or a .toml file")
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


def whole(text: str) -> int:
    """A number of clients."""
    return int(bounded(int, text, 1, "a number of clients, 1 or more"))


def often(text: str) -> int:
    """How often a scenario is run at most."""
    return int(bounded(int, text, 1, "a number of tellings, 1 or more"))


def positive(text: str) -> float:
    """A duration in seconds."""
    return bounded(float, text, 0.001, "a duration in seconds")


def rate(text: str) -> float:
    """How much one client says in a second."""
    return bounded(float, text, 0.001, "a rate, messages a second")
