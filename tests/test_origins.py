"""`docs/origins.md`: its rows. That what it names exists is in `test_references`, its figures are in `test_figures`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "origins.md").read_text()
DOCUMENTS = 5

Row = tuple[str, ...]


def rows(page: str) -> list[Row]:
    """Read the numbered rows of the page: number, what is said, where it is, what shows it."""
    lines = [line for line in page.splitlines() if re.match(r"\| \d+\.\d+ \|", line)]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]


def numbers_gone(page: str) -> set[str]:
    """The rows that others refer to, in brackets, and that there are not."""
    numbers = {row[0] for row in rows(page)}
    return set(re.findall(r"(?:\(|, )(\d\.\d+)(?=\)|, \d)", page)) - numbers


def test_a_row_that_another_one_refers_to_exists():
    assert numbers_gone(PAGE) == set()
    assert numbers_gone(f"{PAGE}\nas above (5.99)\n") == {"5.99"}


def test_the_rows_of_each_document_are_numbered_without_a_hole_and_none_is_without_a_place():
    numbers = [tuple(map(int, row[0].split("."))) for row in rows(PAGE)]
    for document in range(1, DOCUMENTS + 1):
        own = [row for number, row in numbers if number == document]
        assert own == list(range(1, len(own) + 1))
        assert own
    for number, said, place, _shown in rows(PAGE):
        assert said, number
        assert place, number
