"""`docs/origins.md`, and what it refers to: whatever it names exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.clauses import CLAUSES
from harness.scenarios import SCENARIOS
from server.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "origins.md").read_text()
DOCUMENTS = 5

Row = tuple[str, ...]


def rows(page: str) -> list[Row]:
    """Read the numbered rows of the page: number, what is said, where it is, what shows it."""
    lines = [line for line in page.splitlines() if re.match(r"\| \d+\.\d+ \|", line)]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines]


def quoted(page: str) -> list[str]:
    """Give what stands between backticks."""
    return re.findall(r"`([^`\n]+)`", page)


def missing(page: str) -> set[str]:
    """Say what the page names that is not there."""
    tests = {
        name for file in (ROOT / "tests").rglob("*.py") for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    settings = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    metrics, wire = (ROOT / "docs" / "metrics.md").read_text(), (ROOT / "docs" / "wire.md").read_text()
    folders = {each.name for each in ROOT.iterdir() if each.is_dir()}

    def exists(name: str) -> bool:
        if re.fullmatch(r"test_\w+", name):
            return name in tests
        if name.startswith(PREFIX):
            return name.split("=")[0] in settings
        if name.startswith("ebb_"):
            return name in metrics
        if re.match(r"/|(GET|POST) /", name):
            return name in wire
        if command := re.match(r"python -m harness run ([a-z_ ]+)", name):
            return set(command[1].split()) <= {"all", *SCENARIOS}
        is_file = name.split("/")[0] in folders or re.fullmatch(r"[\w.-]+\.(md|py|toml|ini)", name)
        return not is_file or (ROOT / name).exists()

    numbers = {row[0] for row in rows(page)}
    gone = {name for name in quoted(page) if not exists(name)}
    gone |= {number for number in re.findall(r"(?:\(|, )(\d\.\d+)(?=\)|, \d)", page) if number not in numbers}
    for clauses in re.findall(r"clauses? ((?:\d+(?:, | and | to )?)+)", page):
        gone |= {f"clause {each}" for each in re.findall(r"\d+", clauses) if int(each) not in CLAUSES}
    return gone


def test_whatever_the_page_names_exists():
    assert missing(PAGE) == set()


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("see `server/gone.py`", "server/gone.py"),
        ("see `GONE.md`", "GONE.md"),
        ("`test_that_never_was`", "test_that_never_was"),
        ("`SERVER_GONE_S`", "SERVER_GONE_S"),
        ("`ebb_gone`", "ebb_gone"),
        ("`POST /gone`", "POST /gone"),
        ("`python -m harness run drain gone`", "python -m harness run drain gone"),
        ("as above (5.99)", "5.99"),
        ("clauses 1, 3 and 99", "clause 99"),
    ],
)
def test_what_is_not_there_is_found(line: str, what: str):
    assert missing(f"{PAGE}\n{line}\n") == {what}


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
