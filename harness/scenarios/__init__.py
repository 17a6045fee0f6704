"""The scenarios by name, in the order in which `run all` performs them.

Owns that every module in this folder with a `SCENARIO` is one, so that a new scenario is one new file.
"""

from __future__ import annotations

import importlib
import pkgutil

from .scenario import AnyStage, Scenario, by_position

__all__ = ["SCENARIOS", "AnyStage", "Scenario"]

_MODULES = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]

SCENARIOS: dict[str, Scenario] = by_position(module.SCENARIO for module in _MODULES if hasattr(module, "SCENARIO"))
