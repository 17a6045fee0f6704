"""What is told in each run of the tests, and what has its turn with EBB_SHARE.

Owns that a scenario is always told on the first target that can be told it. Refuses to know the targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from _pytest.mark import ParameterSet


def each_scenario_once(told: Sequence[tuple[str, str]]) -> list[ParameterSet]:
    """Pairs of target and scenario: each has its turn, but for the first target of a scenario."""
    first = {scenario: target for target, scenario in reversed(told)}
    return [
        pytest.param(target, scenario, marks=[] if first[scenario] == target else pytest.mark.turns)
        for target, scenario in told
    ]
