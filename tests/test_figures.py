"""A figure that a page states is the one in `docs/performance.md`, which says how it was measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def figure(clients: str, name: str) -> tuple[str, str]:
    """Read a row of `docs/performance.md`: Ebb's figure and the tutorial's."""
    page = (ROOT / "docs" / "performance.md").read_text()
    section = page.split(f"### {clients} clients")[1].split("###")[0]
    found = re.search(rf"^\| {re.escape(name)} \| ([\d.,]+) \| ([\d.,]+) ", section, re.M)
    assert found, name
    return found[1], found[2]


@pytest.mark.parametrize(
    ("page", "clients", "name", "words"),
    [
        ("origins", "1,000", "last client, p50, ms", "{0} ms until the last of 1,000 clients"),
        ("origins", "1,000", "idle, % of a core", "with 1,000 it is {0} % and {1} %"),
        ("origins", "10,000", "memory a connection, kB", "{0} kB of Ebb's, {1} kB of the tutorial's server"),
        ("origins", "10,000", "memory a connection, kB", "{1} kB each, 0.3 GB in all, for the tutorial's server"),
        ("origins", "10,000", "idle, % of a core", "{0} % of a core for Ebb, {1} % for the tutorial's server"),
        ("origins", "10,000", "echo, average, µs", "{1} µs in the tutorial's server and {0} µs in Ebb"),
        ("origins", "10,000", "last client, p50, ms", "{1} ms and {0} ms"),
        ("origins", "10,000", "handshakes a second", "{1} handshakes a second in the tutorial's server, {0} in Ebb"),
        ("origins", "10,000", "handshakes a second", "a second has {0} handshakes of Ebb's"),
        ("scaling", "10,000", "last client, p50, ms", "| {0} ms |"),
        ("scaling", "10,000", "fan-out, frames a second", "| {0} |"),
        ("scaling", "10,000", "memory a connection, kB", "| {0} kB a connection |"),
        ("scaling", "10,000", "handshakes a second", "| {0} |"),
        ("scaling", "10,000", "idle, % of a core", "| {0} % of the core |"),
        ("scaling", "10,000", "the server's CPU a frame, µs", "at {0} µs for each delivery"),
        ("questions", "10,000", "memory a connection, kB", "{0} kB here and {1} kB in the tutorial's server"),
        ("questions", "10,000", "idle, % of a core", "{0} % and {1} %"),
        ("questions", "10,000", "fan-out, frames a second", "{0} a second with 10,000 clients"),
        ("questions", "1,000", "last client, p50, ms", "after {0} ms, and in the tutorial's server after {1} ms"),
    ],
)
def test_a_figure_is_that_of_the_page_on_performance(page: str, clients: str, name: str, words: str):
    text = (ROOT / "docs" / f"{page}.md").read_text()
    assert words.format(*figure(clients, name)) in " ".join(text.split())
