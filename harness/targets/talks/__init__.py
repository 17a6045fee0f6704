"""How the clients of well-known protocols talk: a file for each, with which a target file or an option begins by name.

Owns the files and their names. Refuses to know what a talk means.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

TALKS = tuple(
    sorted(file.name.removesuffix(".toml") for file in files(__package__).iterdir() if file.name.endswith("l"))
)


def table_of(name: object) -> dict[str, Any]:
    """The table `[talk]` that a name stands for. Raises ValueError for a name that there is not."""
    if name not in TALKS:
        raise ValueError(f"talk.as = {name!r} is not allowed: one of {', '.join(TALKS)}")
    return tomllib.loads((files(__package__) / f"{name}.toml").read_text(encoding="utf-8"))


def with_its_base(table: dict[str, Any]) -> dict[str, Any]:
    """A table in which `as` is replaced by what it stands for; what the table says itself comes on top."""
    said = {key: value for key, value in table.items() if key != "as"}
    return (table_of(table["as"]) if "as" in table else {}) | said
