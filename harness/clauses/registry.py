"""The registry of clauses: a judge is a clause of the contract once it is decorated with its number and name.

Owns `CLAUSES`, in the order in which the judges were decorated, and what makes a `Clause` of a judge. Refuses to know
which clauses there are: the package imports every module beside this one. The first paragraph of a judge's docstring is
the claim, as `python -m harness list` prints it. A number or a name that is taken, or a number that belongs to no
level, raises ValueError.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from ..history.drain import Drain
from ..history.record import History
from ..targets.declaration import Level
from .levels import level_of
from .verdict import Judgement, unknown

JudgeOfDrain = Callable[[Drain], Judgement]
JudgeOfHistory = Callable[[History], Judgement]


@dataclass(frozen=True)
class Clause:
    """One clause of the contract: its number, name, level, claim, what to do where it fails, and its judge."""

    id: int
    name: str
    level: Level
    claim: str
    to_do: str
    judge: JudgeOfHistory


CLAUSES: dict[int, Clause] = {}


def clause(number: int, name: str, to_do: str = "") -> Callable[[JudgeOfDrain], JudgeOfDrain]:
    """Register a judge that is given the drain; a history without a stop leaves its clause unknown."""

    def register(judge: JudgeOfDrain) -> JudgeOfDrain:
        def judge_history(history: History) -> Judgement:
            if history.drain is None:
                return unknown("the target was never told to stop: no signal and no other cause is on record")
            return judge(history.drain)

        _add(number, name, to_do, judge, judge_history)
        return judge

    return register


def clause_of_history(number: int, name: str, to_do: str = "") -> Callable[[JudgeOfHistory], JudgeOfHistory]:
    """Register a judge that is given the whole history, with a stop in it or without."""

    def register(judge: JudgeOfHistory) -> JudgeOfHistory:
        _add(number, name, to_do, judge, judge)
        return judge

    return register


def _add(number: int, name: str, to_do: str, written: Callable[..., Judgement], judge: JudgeOfHistory) -> None:
    for other in CLAUSES.values():
        if number == other.id or name == other.name:
            raise ValueError(f"clause {number} ({name}) is there already: clause {other.id} ({other.name})")
    CLAUSES[number] = Clause(number, name, level_of(number), _claim_of(written), to_do, judge)


def _claim_of(judge: Callable[..., Judgement]) -> str:
    return " ".join((inspect.getdoc(judge) or "").partition("\n\n")[0].split())
