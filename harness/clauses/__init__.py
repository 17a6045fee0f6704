"""The clauses of the drain contract as pure functions of a history.

Owns: `judge`, and that every module in this folder is imported, so that a clause is one place to edit: its judge, which
`registry` decorates. A judge reads what was recorded and nothing else: no clock, no socket, no file. One module for
each section of the contract; `verdict` holds the words that they share.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable

from ..history.machine import MachineView
from ..history.record import History
from . import registry
from .registry import Clause
from .verdict import Judgement, Ruling, Verdict, short_or_busy

__all__ = ["CLAUSES", "Clause", "Judgement", "Ruling", "Verdict", "judge"]

for module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{module.name}")

CLAUSES: dict[int, Clause] = dict(sorted(registry.CLAUSES.items()))


def judge(history: History, ids: Iterable[int]) -> list[Ruling]:
    """Judge a complete history by the clauses with these numbers, in that order; KeyError for any other."""
    rulings, machine = [], MachineView(history.events)
    for clause_id in ids:
        one = CLAUSES[clause_id]
        judgement = short_or_busy(one.judge(history), machine)
        rulings.append(Ruling(one.id, one.name, judgement.verdict, judgement.evidence, judgement.busy, judgement.short))
    return rulings
