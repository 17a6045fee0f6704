"""The command `ebb`: the harness's commands, `ebb serve` for the server's launcher, and `ebb client`.

Owns which of the three a command belongs to, and what is said where the extra that it needs is not installed. Refuses
to know options: each of the three reads its own.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

BAD_USAGE = 2
HARNESS = {
    "judge": "a survey of any server, then every scenario that shows how far it gets",
    "survey": "what a server has and how it stops, written as a target file",
    "drain": "every kind of client, told to stop, evicted at the deadline: the run that shows most",
    "run": "scenarios by name, or all",
    "list": "the scenarios and the clauses, with what each claims",
    "schema": "of target files, for editors; or of the server: messages, asyncapi, typescript, openapi",
    "load": "how fast, how many, how much memory",
}
SERVER = {"serve": "the reference server, one process or several"}
CLIENT = {"client": "listen, chat, many, broadcast, stress: clients of the reference server"}
SCHEMAS_OF_THE_SERVER = ("messages", "asyncapi", "typescript", "openapi")
SCHEMAS = ("target", *SCHEMAS_OF_THE_SERVER)  # the first is what `ebb schema` prints


def main(argv: Sequence[str] | None = None) -> int:
    """Do what a command line says; return the exit status. Usage errors end with status 2 and one line."""
    command, *rest = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if command in ("-h", "--help"):
        print(usage())
        return 0
    if command == "--version":
        print(version("ebb-ws"))
        return 0
    if command not in HARNESS | SERVER | CLIENT:
        return complain(f"there is no command {command!r} (--help shows what there is)")
    of_server = command in SERVER or (command == "schema" and set(rest[:1]) & {*SCHEMAS_OF_THE_SERVER})
    try:
        if command == "serve":
            return serve(rest)
        if command == "schema":
            return schema(rest)
        if command == "client":
            return client(rest)
        return harness([command, *rest])
    except ModuleNotFoundError as missing:
        library = (missing.name or "").partition(".")[0]
        if library == __package__:
            raise
        extra = "server" if of_server else "client" if command in CLIENT else "harness"
        return complain(f"{command} needs {library}: pip install 'ebb-ws[{extra}]'")


def harness(words: Sequence[str]) -> int:
    """Do what a command line of the harness says; return the exit status."""
    status: int = import_module(".harness.cli", __package__).main(words, "ebb")
    return status


def schema(rest: Sequence[str]) -> int:
    """Print a schema, of target files where none is named; return the exit status."""
    which, *options = rest if rest and not rest[0].startswith("-") else [SCHEMAS[0], *rest]
    if which not in SCHEMAS:
        return complain(f"there is no schema {which!r}: there are {', '.join(SCHEMAS)}")
    if which not in SCHEMAS_OF_THE_SERVER:
        return harness(["schema", *options])
    status: int = import_module(".server.schema", __package__).main([which, *options], "ebb schema")
    return status


def serve(rest: Sequence[str]) -> int:
    """Run the launcher, which ends the process. A signal that comes before that ends it at once: nothing has begun."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: os._exit(0))
    import_module(".server.launcher", __package__).main(rest, "ebb serve")
    raise AssertionError("the launcher ends the process")


def client(rest: Sequence[str]) -> int:
    """Do what a command line of the client says; return the exit status."""
    status: int = import_module(".client.terminal.cli", __package__).main(rest, "ebb client")
    return status


def usage() -> str:
    """Say what there is."""
    rows = [f"  {name:<8} {what}" for name, what in (HARNESS | SERVER | CLIENT).items()]
    return "\n".join(["usage: ebb COMMAND [OPTIONS]", "", *rows, "", "ebb COMMAND --help shows the options of each."])


def complain(what: str) -> int:
    """Say in one line what is wrong."""
    print(f"ebb: {what}", file=sys.stderr)
    return BAD_USAGE
