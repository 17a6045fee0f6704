"""The options of `ebb client`. Owns their names, bounds and help; bad usage ends with status 2 and one line."""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Sequence
from typing import NoReturn

from ..connecting import DEFAULT_URL, endpoint
from ..wire import check_name

BAD_USAGE = 2


class OneLine(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        """Exit with 2."""
        self.exit(BAD_USAGE, f"{self.prog}: {message} (--help shows the options)\n")


def parse(argv: Sequence[str], prog: str) -> argparse.Namespace:
    """Read a command line. Exits with 2 on bad usage."""
    parser = OneLine(prog=prog, description="Clients of the reference server, which survive its deploys.")
    commands = parser.add_subparsers(dest="what", required=True, metavar="listen | chat | many | broadcast | stress")

    listen = _command(commands, "listen", "print every message, one a line")
    listen.add_argument("--json", action="store_true", help="each as JSON, with all that the server said")
    listen.add_argument("--count", type=_whole, metavar="N", help="end after so many messages")

    chat = _command(commands, "chat", "the same, and each line of the input is published")
    for one in (listen, chat):
        one.add_argument("--name", type=_name, help="under which others know this client; by default a random one")

    many = _command(commands, "many", "clients that listen, and what becomes of them")
    broadcast = _command(commands, "broadcast", "publish at a steady rate, and time the acknowledgements")
    stress = _command(commands, "stress", "both, and time each delivery; count what is lost, doubled or reordered")
    for one in (many, stress):
        one.add_argument("--clients", type=_whole, default=100, metavar="N", help="how many listen (100)")
    broadcast.set_defaults(clients=0)
    many.add_argument("--duration", type=_seconds, metavar="S", help="seconds; by default until Ctrl+C")
    for one in (broadcast, stress):
        one.add_argument("--rate", type=_seconds, default=10.0, metavar="R", help="messages a second (10)")
        one.add_argument("--duration", type=_seconds, default=10.0, metavar="S", help="seconds (10)")
        one.add_argument("--bytes", type=_whole, default=64, metavar="N", help="of filling in a message (64)")

    args = parser.parse_args(argv)
    args.urls = args.urls or [DEFAULT_URL]
    try:
        for url in args.urls:
            endpoint(url, "name")
        for room in args.room:
            check_name("room", room)
    except ValueError as error:
        parser.error(str(error))
    return args


def _command(commands: argparse._SubParsersAction[OneLine], name: str, what: str) -> OneLine:
    command = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    where = f"of a balancer or a host, or of each of several hosts ({DEFAULT_URL})"
    command.add_argument("urls", nargs="*", metavar="URL", help=where)
    command.add_argument("--room", action="append", default=[], metavar="ROOM", help="to be in; may be repeated")
    command.add_argument("--token", default=os.environ.get("EBB_TOKEN"), help="sent as a bearer token (EBB_TOKEN)")
    command.add_argument("--open-timeout", type=_seconds, default=5.0, metavar="S", help="for the first connection (5)")
    return command


def _bounded(what: str, read: Callable[[str], float], text: str) -> float:
    try:
        value = read(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what} above 0")
    return value


def _whole(text: str) -> int:
    return int(_bounded("a whole number", int, text))


def _seconds(text: str) -> float:
    return _bounded("a number", float, text)


def _name(text: str) -> str:
    try:
        check_name("name", text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
