"""Draws the table of all specimens, from what they say of themselves: `python -m docs.specimens`.

Owns how a server that is broken on purpose is read (by syntax: it breaks whatever it is imported into), and the table
in `tests/specimens/README.md`, which the command writes anew and a test compares.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.specimens.recordings import RECORDED

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "tests" / "specimens"
PAGE = FOLDER / "README.md"
BLOCK = r"(?<=<!-- specimens -->\n).*?(?=<!-- end -->)"


def declared(path: Path) -> dict[str, Any]:
    """What a server says of itself: FAILS, SCENARIO and others."""
    tree = ast.parse(path.read_text())
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper()
    }


SERVERS = {path.stem: declared(path) for path in sorted(FOLDER.glob("[!_]*.py"))}


class Row(NamedTuple):
    """One specimen in the table."""

    name: str
    what: str
    fails: list[int]
    claims: list[str]
    subtle: str
    scenario: str
    real: bool
    missed_before: str


def rows() -> Iterator[Row]:
    """All specimens, by the first clause that they fail."""
    yield from sorted([*_servers(), *_recorded()], key=lambda row: (row.fails, row.claims, not row.real, row.name))


def _servers() -> Iterator[Row]:
    for name, said in SERVERS.items():
        what = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text())) or ""
        first = what.partition("\n\n")[0].replace("\n", " ")
        subtle, missed = said.get("SUBTLE", ""), said.get("MISSED_BEFORE", "")
        claims = sorted(said.get("CLAIMS", ()))
        yield Row(name, first, sorted(said["FAILS"]), claims, subtle, said["SCENARIO"], True, missed)


def _recorded() -> Iterator[Row]:
    for name, one in RECORDED.items():
        yield Row(
            name, one.claim, sorted(one.fails), [], one.subtle or "", one.scenario, False, one.missed_before or ""
        )


def table() -> str:
    """All of them, one a line."""
    head = ["| fails | specimen | what is broken | subtle | kind | scenario | missed before |", f"|{'---|' * 7}"]
    lines = [
        f"| {', '.join(map(str, [*row.fails, *row.claims]))} | `{row.name}` | {row.what} | {row.subtle}"
        f" | {'server' if row.real else 'recorded'} | `{row.scenario}` | {row.missed_before} |"
        for row in rows()
    ]
    return "\n".join([*head, *lines, ""])


def drawn(page: str) -> str:
    """The page with its table as it is today."""
    return re.sub(BLOCK, lambda _: table(), page, count=1, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
