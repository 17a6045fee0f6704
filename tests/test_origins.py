"""`docs/origins.md`: its rows, and its figures. That what it names exists is in `test_references`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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


def figure(clients: str, name: str) -> tuple[str, str]:
    """Read a row of `docs/performance.md`: Ebb's figure and the tutorial's."""
    page = (ROOT / "docs" / "performance.md").read_text()
    section = page.split(f"### {clients} clients")[1].split("###")[0]
    found = re.search(rf"^\| {re.escape(name)} \| ([\d.,]+) \| ([\d.,]+) ", section, re.M)
    assert found, name
    return found[1], found[2]


@pytest.mark.parametrize(
    ("clients", "name", "words"),
    [
        ("1,000", "last client, p50, ms", "{0} ms until the last of 1,000 clients"),
        ("1,000", "idle, % of a core", "with 1,000 it is {0} % and {1} %"),
        ("10,000", "memory a connection, kB", "{0} kB of Ebb's, {1} kB of the tutorial's server"),
        ("10,000", "memory a connection, kB", "{1} kB each, 0.3 GB in all, for the tutorial's server"),
        ("10,000", "idle, % of a core", "{0} % of a core for Ebb, {1} % for the tutorial's server"),
        ("10,000", "echo, average, µs", "{1} µs in the tutorial's server and {0} µs in Ebb"),
        ("10,000", "last client, p50, ms", "{1} ms and {0} ms"),
        ("10,000", "handshakes a second", "{1} handshakes a second in the tutorial's server, {0} in Ebb"),
        ("10,000", "handshakes a second", "a second has {0} handshakes of Ebb's"),
    ],
)
def test_a_figure_is_that_of_the_page_on_performance(clients: str, name: str, words: str):
    assert words.format(*figure(clients, name)) in PAGE
