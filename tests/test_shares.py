"""What EBB_SHARE leaves out of one run is in another: shares are apart, and together they are everything."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from tests.conftest import SHARED, share_of
from tests.scenarios.turns import each_scenario_once

THIRDS = ("1/3", "2/3", "3/3")


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
