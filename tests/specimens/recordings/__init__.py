"""Recorded specimens: what was observed of the healthy server in one real run, with one fault put in.

One module for each section of the contract, one function for each fault: from a recording it makes another one. They
cost no run of their own, so that rare faults can be many: one client of eighty, one moment, a tenth of a second.
A clause needs a real process among its specimens besides; see the modules beside this folder.
"""

from __future__ import annotations

import importlib
import pkgutil

from .specimen import RECORDED, Missed, Specimen, Subtle

__all__ = ["RECORDED", "Missed", "Specimen", "Subtle"]

for module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{module.name}")
