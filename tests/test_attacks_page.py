"""docs/attacks.md and the tests with the marker `attack`: each is on the page, and what the page names has it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.references import ROOT

PAGE = (ROOT / "docs" / "attacks.md").read_text()
MARK = "pytest.mark.attack"


def marked(source: str) -> Iterator[str]:
    """The names of the tests in a file that are attacks, each for itself or all together."""
    module = ast.parse(source)
    of_all = any(
        isinstance(each, ast.Assign)
        and "pytestmark" in ast.unparse(each.targets[0])
        and MARK in ast.unparse(each.value)
        for each in module.body
    )
    for each in ast.walk(module):
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name.startswith("test_"):
            decorators = [ast.unparse(decorator) for decorator in each.decorator_list]
            if of_all or any(decorator.startswith(MARK) for decorator in decorators):
                yield each.name


def attacks(folder: Path) -> dict[str, set[str]]:
    """The attacks in each file of tests, by its name from the root of the project."""
    found = {str(file.relative_to(ROOT)): set(marked(file.read_text())) for file in folder.rglob("test_*.py")}
    return {file: names for file, names in found.items() if names}


def differences(page: str, there: dict[str, set[str]]) -> set[str]:
    """What the page names that is no attack, and what is one and not on the page."""
    named = set(re.findall(r"`(test_\w+)`", page)) | set(re.findall(r"`(tests/[\w/]+\.py)`", page))
    return named ^ {*there, *(name for names in there.values() for name in names)}


def items(page: str) -> list[list[str]]:
    """The cells of each attack."""
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")]
    return [cells for cells in rows if cells[0] != "attack"]


def test_every_attack_is_on_the_page_and_every_test_of_the_page_is_one():
    assert differences(PAGE, attacks(ROOT / "tests")) == set()


def test_every_item_says_what_happened_what_happens_now_and_which_test_attacks_it():
    for cells in items(PAGE):
        assert len(cells) == 4, cells[0]
        assert all(cells), cells[0]
        assert "`test_" in cells[3] or cells[3].startswith("the former"), cells[0]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("@pytest.mark.attack\ndef test_a(): ...\ndef test_b(): ...", ["test_a"]),
        ("@pytest.mark.parametrize('x', [1])\n@pytest.mark.attack\nasync def test_a(x): ...", ["test_a"]),
        ("pytestmark = [pytest.mark.looptime, pytest.mark.attack]\ndef test_a(): ...\ndef helper(): ...", ["test_a"]),
        ("pytestmark = pytest.mark.looptime\ndef test_a(): ...", []),
    ],
)
def test_an_attack_is_known_by_its_marker(source: str, found: list[str]):
    assert list(marked(source)) == found


def test_what_page_and_tests_do_not_share_is_named():
    there = {"tests/test_x.py": {"test_a", "test_b"}}
    assert differences("`tests/test_x.py`: `test_a`, `test_c`", there) == {"test_b", "test_c"}
    assert differences("`test_a`, `test_b`", there) == {"tests/test_x.py"}
