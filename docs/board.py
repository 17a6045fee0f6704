"""`python -m docs.board` prints the commands of docs/servers-of-others.md from tests/board/servers.toml."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path

SERVERS = Path(__file__).parent.parent / "tests" / "board" / "servers.toml"


def commands() -> str:
    """Of each server the command that exits with 0, as a shell takes it."""
    return "\n".join(_command(server) for server in tomllib.loads(SERVERS.read_text()).values())


def _command(server: dict[str, object]) -> str:
    words = ["ebb", "judge", "--level", "clean", *shlex.split(str(server.get("options", "")))]
    for option in ("known", "flaky"):
        known = server.get(option, {})
        assert isinstance(known, dict), "a table of clauses and reasons"
        words += [word for number, reason in known.items() for word in (f"--{option}", f"{number}={reason}")]
    return f"{shlex.join(words)} \\\n    -- {server['command']}"


if __name__ == "__main__":
    print(commands())
