"""The scenarios by name, in the order in which `run all` performs them.

Every module in this folder with a `SCENARIO` is one, so that a new scenario is one new file. Also chooses the scenarios
that must be run to judge certain clauses.
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
    """The scenarios that this target can run, each of which judges one of the clauses that none before it judges.

    A target that declares a level above `clean` runs all that judge one: a fault may show in one scenario only.
    Scenarios that run by name only are left out.
    """
    missing, chosen = set(clauses), []
    for scenario in SCENARIOS.values():
        new = (missing if profile.level == "clean" else set(clauses)).intersection(scenario.clauses)
        if new and not scenario.by_name_only and scenario.why_excluded(profile) is None:
            missing -= new
            chosen.append(scenario.among_all())
    return chosen
