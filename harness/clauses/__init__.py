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
from .causes import causes_of
from .registry import Clause
from .verdict import Judgement, Ruling, Verdict, short_or_busy

__all__ = ["CLAUSES", "Clause", "Judgement", "Ruling", "Verdict", "judge"]

for module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{module.name}")

CLAUSES: dict[int, Clause] = dict(sorted(registry.CLAUSES.items()))


def judge(history: History, ids: Iterable[int]) -> list[Ruling]:
    """Judge a complete history by the clauses with these numbers, in that order; KeyError for any other."""
    machine = MachineView(history.events)
    judgements = {number: short_or_busy(CLAUSES[number].judge(history), machine) for number in ids}
    causes = causes_of(judgements, history.drain)
    return [_ruling(CLAUSES[number], judgement, causes.get(number)) for number, judgement in judgements.items()]


def _ruling(clause: Clause, judgement: Judgement, cause: int | None) -> Ruling:
    to_do = clause.to_do if judgement.verdict is Verdict.FAIL else ""
    said = clause.id, clause.name, judgement.verdict, judgement.evidence
    return Ruling(*said, judgement.busy, judgement.short, cause, to_do, judgement.clients)
