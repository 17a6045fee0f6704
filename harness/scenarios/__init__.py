"""The scenarios by name, in the order in which `run all` performs them.

Owns that every module in this folder with a `SCENARIO` is one, so that a new scenario is one new file; and which of
them are told so that certain clauses are looked at.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable

from ..targets.declaration import Profile
from .scenario import AnyStage, Scenario, by_position

__all__ = ["SCENARIOS", "AnyStage", "Scenario", "that_look_at"]

_MODULES = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]

SCENARIOS: dict[str, Scenario] = by_position(module.SCENARIO for module in _MODULES if hasattr(module, "SCENARIO"))


def that_look_at(clauses: Iterable[int], profile: Profile) -> list[Scenario]:
    """The scenarios that this target can be told, each of which looks at one of the clauses that none before it does.

    Whatever runs by name only is left out.
    """
    missing, chosen = set(clauses), []
    for scenario in SCENARIOS.values():
        new = missing.intersection(scenario.clauses)
        if new and not scenario.by_name_only and scenario.why_excluded(profile) is None:
            missing -= new
            chosen.append(scenario.among_all())
    return chosen
