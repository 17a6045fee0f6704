"""docs/cure.md shows the applications that are tested, and a table in which the line leaves no failure."""

from __future__ import annotations

import re

from docs.cured import FOLDER, FRAMEWORKS, IMPORT_HERE, LINE, PAGE, SIGNS, without_the_line

PAGE_TEXT = PAGE.read_text()
ROWS = [line.strip("| ").split(" | ") for line in PAGE_TEXT.splitlines() if " → " in line]


def test_before_differs_from_after_in_the_line_and_its_import_only():
    for declared in FRAMEWORKS.values():
        source = (FOLDER / declared["file"]).read_text()
        left_out = set(source.splitlines()) - set(without_the_line(source).splitlines())
        assert len(left_out) == 2
        assert f"{IMPORT_HERE} {LINE}" in left_out


def test_the_table_shows_every_framework_and_no_failure_that_is_left():
    assert ROWS
    assert f"| clause | {' | '.join(FRAMEWORKS)} |" in PAGE_TEXT
    for clause, *cells in ROWS:
        assert len(cells) == len(FRAMEWORKS), clause
        assert not any(cell.endswith(SIGNS["fail"]) for cell in cells), clause


def test_what_the_table_leaves_undecided_is_explained():
    for name, column in zip(FRAMEWORKS, zip(*[cells for _, *cells in ROWS], strict=True), strict=True):
        numbers = [re.match(r"\d+", clause) for clause, *_ in ROWS]
        open_ = {
            number[0]
            for number, cell in zip(numbers, column, strict=True)
            if number and not cell.endswith(SIGNS["pass"])
        }
        assert open_ == set(FRAMEWORKS[name].get("undecided", {})), name
