"""The registry of claims: what one scenario judges beside the clauses, by name.

Owns `CLAIMS` and `judge_claims`. A claim is no clause of the contract: it has no number, belongs to no level, and is
looked at only where a person asks for its scenario by name. It is reported in the form of a clause, with the number 0.
The first paragraph of a judge's docstring is the claim. Refuses to know which claims there are.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..history.machine import MachineView
from ..history.record import History
from .registry import JudgeOfDrain
from .verdict import Judgement, Ruling, Verdict, short_or_busy, unknown

NO_NUMBER = 0


@dataclass(frozen=True)
class Claim:
    """One claim: its name, what it says, what to do where it fails, and its judge."""

    name: str
    claim: str
    to_do: str
    judge: JudgeOfDrain


CLAIMS: dict[str, Claim] = {}


def claim(name: str, to_do: str) -> Callable[[JudgeOfDrain], JudgeOfDrain]:
    """Register a judge under its name. Raises ValueError where that is taken."""

    def register(judge: JudgeOfDrain) -> JudgeOfDrain:
        if name in CLAIMS:
            raise ValueError(f"there is a claim {name} already")
        CLAIMS[name] = Claim(name, " ".join((inspect.getdoc(judge) or "").partition("\n\n")[0].split()), to_do, judge)
        return judge

    return register


def judge_claims(history: History, names: Iterable[str]) -> list[Ruling]:
    """Judge a complete history by the claims with these names, in that order; KeyError for any other."""
    machine = MachineView(history.events)
    rulings = []
    for name in names:
        said = short_or_busy(_judged(CLAIMS[name], history), machine)
        to_do = CLAIMS[name].to_do if said.verdict is Verdict.FAIL else ""
        rulings.append(Ruling(NO_NUMBER, name, said.verdict, said.evidence, said.busy, said.short, to_do=to_do))
    return rulings


def _judged(one: Claim, history: History) -> Judgement:
    if history.drain is None:
        return unknown("the target was never told to stop: no signal and no other cause is on record")
    return one.judge(history.drain)
