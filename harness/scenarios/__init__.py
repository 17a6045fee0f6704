"""The scenarios by name, in the order in which `run all` performs them."""

from __future__ import annotations

from harness.scenarios import drain, everyone_leaves, nobody_there
from harness.scenarios.scenario import Scenario

__all__ = ["SCENARIOS", "Scenario"]

SCENARIOS: dict[str, Scenario] = {each.SCENARIO.name: each.SCENARIO for each in (drain, everyone_leaves, nobody_there)}
