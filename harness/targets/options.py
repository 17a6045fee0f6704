"""The options that declare a target on a command line: each of them is a key of a target file.

Owns which keys have an option, its name, and how the words of a command line become values as in a file. Refuses to
know the other options, and which values are valid: `harness.targets.file` reports a wrong one.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from .declaration import Profile
from .form import KEYS
from .talks import TALKS


def _path(text: str) -> str:
    if not text.startswith("/"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a path: it must begin with /")
    return text


def _path_or_none(text: str) -> str:
    return text if text == "none" else _path(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not a name, = and a value")
    return name, value


def _header(text: str) -> tuple[str, str]:
    """Read a header in the form of curl, `Name: value`, or with `=`."""
    found = re.fullmatch(r"([^:=]+)(?:: ?|=)(.*)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a name, : and a value")
    return found[1], found[2]


def _known_failure(text: str) -> tuple[int, str]:
    number, reason = _pair(text)
    return _whole(number), reason


def _flaky_failure(text: str) -> tuple[int, dict[str, Any]]:
    number, reason = _known_failure(text)
    return number, {"reason": reason, "flaky": True}


class Option(NamedTuple):
    """An option: its name, its key, and how its value is read. `many`: it may be given more than once."""

    name: str
    key: str
    metavar: str
    read: Callable[[str], Any] = str
    many: bool = False
    says: str = ""

    @property
    def help(self) -> str:
        """The description of its key, and the default."""
        field = Profile.model_fields.get(KEYS.get(self.key, ""))
        says = self.says or (field and field.description) or ""
        default = f" (default {field.default})" if field and isinstance(field.default, str) else ""
        return says.rstrip(".").replace("%", "%%") + default + (" (again for more)" if self.many else "")


OPTIONS = (
    Option("--ws", "paths.ws", "PATH", _path),
    Option("--ready", "paths.ready", "PATH|none", _path_or_none),
    Option("--health", "paths.health", "PATH|none", _path_or_none),
    Option("--metrics", "paths.metrics", "PATH|none", _path_or_none),
    Option("--broadcast", "paths.broadcast", "PATH|none", _path_or_none),
    Option("--talk", "paths.talk", "PATH", _path),
    Option("--heavy", "paths.heavy", "PATH", _path),
    Option("--stream", "paths.stream", "PATH|none", _path_or_none),
    Option("--dialect", "dialect", "NAME"),
    Option("--talk-as", "talk.as", "NAME", says=f"Begin with a protocol that is shipped: {', '.join(TALKS)}"),
    Option("--header", "talk.headers", "NAME:VALUE", _header, True, "A header of every handshake"),
    Option("--cookie", "talk.headers.Cookie", "NAME=VALUE", _pair, True, "A cookie of every handshake"),
    Option("--subprotocol", "talk.subprotocol", "NAME", says="The subprotocol that clients offer"),
    Option("--first", "talk.first", "TEXT", str, True, "What a client says first"),
    Option("--let-in", "talk.let_in", "PATTERN", says="What is heard once a client is let in"),
    Option("--say", "talk.say", "TEXT", says="How a client says something; {token} comes back in what is heard"),
    Option("--keepalive", "talk.keepalive", "HEAR=SAY", _pair, says="What is said whenever a pattern is heard"),
    Option("--ignore", "talk.ignore", "PATTERN", says="What means nothing, though a token may be in it"),
    Option("--notice", "talk.notice", "PATTERN", says="How it announces that it stops: a pattern"),
    Option("--remember", "talk.remember", "PATTERN", str, True, "Finds where a client stands: a named group"),
    Option("--resume", "talk.resume", "TEXT", says="Added to the path of a client that comes back, as '?last={seq}'"),
    Option("--order", "order", "all|sender"),
    Option("--url", "url", "URL"),
    Option("--pid", "pid", "PID", _whole),
    Option("--stop", "stop", "COMMAND"),
    Option("--signal", "signal", "NAME"),
    Option("--cwd", "cwd", "FOLDER"),
    Option("--env", "env", "NAME=VALUE", _pair, True),
    Option("--processes", "processes", "N", _whole),
    Option("--drain-timeout", "drain_timeout_s", "S", _number),
    Option("--drain-timeout-env", "drain_timeout_env", "NAME"),
    Option("--pace", "pace_per_s", "N", _number),
    Option("--pace-env", "pace_env", "NAME"),
    Option("--close-within", "close_timeout_s", "S", _number),
    Option("--close-timeout-env", "close_timeout_env", "NAME"),
    Option("--broker-env", "broker_env", "NAME"),
    Option("--close-code", "close_codes", "N", _whole, True),
    Option("--drained-status", "statuses.drained", "N", _whole, True),
    Option("--forced-status", "statuses.forced", "N", _whole, True),
    Option("--startup-status", "statuses.startup", "N", _whole, True),
    Option("--parent-delay", "parent_delay_s", "S", _number),
    Option("--startup-timeout", "startup_timeout_s", "S", _number),
    Option("--shutdown-marker", "shutdown_marker", "TEXT|none"),
    Option("--level", "level", "LEVEL"),
    Option("--known", "known", "N=REASON", _known_failure, True),
    Option("--flaky", "known", "N=REASON", _flaky_failure, True, "As --known, of a clause that also passes at times"),
)
FORMER = {"--timeout-env": "--drain-timeout-env"}


def add_to(group: argparse._ArgumentGroup) -> None:
    """Add all these options; one that is not given is None."""
    for option in OPTIONS:
        names = [option.name, *(former for former, now in FORMER.items() if now == option.name)]
        action = "append" if option.many else "store"
        group.add_argument(
            *names, dest=option.name, metavar=option.metavar, type=option.read, action=action, help=option.help
        )


def written(args: argparse.Namespace, onto: Profile | None) -> dict[str, Any]:
    """What the options declare, as a target file would; they change the target `onto`.

    Names with values are added to the existing ones; any other value replaces the existing one.
    """
    lines: dict[str, Any] = {}
    for option in OPTIONS:
        if (value := vars(args).get(option.name)) is not None:
            table, _, name = option.key.rpartition(".")
            into, said = lines.setdefault(table, {}) if table else lines, _said(option, value)
            into[name] = {**into[name], **said} if name in into else said  # of --known and --flaky
    for name in lines.keys() & {"env", "known"} if onto else ():
        lines[name] = {**getattr(onto, name), **lines[name]}
    if cookie := lines.pop("talk.headers", None):
        headers = lines.setdefault("talk", {}).setdefault("headers", {})
        headers |= cookie
    if "talk" in lines and "as" not in lines["talk"] and onto and onto.talk:
        lines["talk"] = _added(onto.talk.model_dump(exclude_unset=True), lines["talk"])
    return lines


def _said(option: Option, value: Any) -> Any:
    if option.key == "talk.keepalive":
        return dict(zip(("hear", "say"), value, strict=True))
    if option.key == "talk.headers.Cookie":
        return "; ".join(f"{name}={each}" for name, each in value)
    return dict(value) if option.many and isinstance(value[0], tuple) else value


def _added(talk: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    headers = {**talk.get("headers", {}), **more.get("headers", {})}
    return {**talk, **more, **({"headers": headers} if headers else {})}
