"""Nothing is left out for good: the shares of EBB_SHARE are everything together, and tox looks wherever a mark is."""

from __future__ import annotations

import re
from collections import Counter
from configparser import RawConfigParser
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import SHARED, share_of
from tests.scenarios.turns import each_scenario_once

THIRDS = ("1/3", "2/3", "3/3")
ROOT = Path(__file__).parent.parent
TOX = RawConfigParser()
TOX.read(ROOT / "tox.ini")
# The commands of tox that run what has a mark, and nothing else: the marks, and the command.
OF_MARKS = [
    (found[1].strip('"').split(" or "), command)
    for section in TOX.sections()
    if (found := re.search(r"pytest\b.* -m (\w+|\"[\w ]+\")", command := TOX.get(section, "commands", fallback="")))
    and not found[1].startswith('"not ')
]


def item(name: str, mark: str | None, recording: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(
        nodeid=name,
        get_closest_marker=lambda wanted: wanted == mark,
        fixturenames=["recording"] if recording else [],
        callspec=SimpleNamespace(params={"scenario": recording or "drain"}),
    )


def names(items: list[SimpleNamespace], asked: str) -> list[str]:
    return [each.nodeid for each in share_of(items, asked)]


@pytest.mark.parametrize("mark", SHARED)
def test_each_third_has_other_tests_and_all_are_in_one(mark: str):
    items = [item(f"{number}", mark) for number in range(9)]
    thirds = [names(items, share) for share in THIRDS]

    assert [len(third) for third in thirds] == [3, 3, 3]
    assert sorted(name for third in thirds for name in third) == names(items, "1/1")


def test_a_test_that_is_not_shared_is_in_every_share():
    items = [item("always", "scenario"), *(item(f"{number}", "turns") for number in range(3))]
    found = Counter(name for share in THIRDS for name in names(items, share))

    assert found == {"always": 3, "0": 1, "1": 1, "2": 1}


def test_all_that_look_at_one_recording_are_in_one_share():
    scenarios = ("drain", "hostile", "drain", "hostile")
    items = [item(f"{scenario}-{number}", "teeth", scenario) for number, scenario in enumerate(scenarios)]

    assert [names(items, share) for share in THIRDS] == [["drain-0", "drain-2"], ["hostile-1", "hostile-3"], []]


def test_a_scenario_is_always_told_on_the_first_target_that_can_be_told_it():
    told = [("one", "drain"), ("two", "drain"), ("two", "of workers")]
    always = [each.values for each in each_scenario_once(told) if not each.marks]

    assert always == [("one", "drain"), ("two", "of workers")]


@pytest.mark.parametrize(("marks", "command"), OF_MARKS, ids=[" ".join(marks) for marks, _ in OF_MARKS])
def test_tox_reads_every_file_in_which_something_has_the_mark(marks: list[str], command: str):
    folders = [ROOT / each for each in re.findall(r"tests/\S+", command)] or [ROOT / "tests"]
    marked = re.compile(rf"mark\.(?:{'|'.join(marks)})\b")
    files = [each for each in (ROOT / "tests").rglob("*.py") if marked.search(each.read_text())]

    assert files
    assert [file for file in files if not any(file.is_relative_to(folder) for folder in folders)] == []
