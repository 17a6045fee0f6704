"""What a recorded specimen is: a recording of a real run with one fault put into it, and the clauses that must fail it.

Owns `Subtle`, `Specimen` and the register `RECORDED`. Refuses to know any fault.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from .recording import Recording

Fault = Callable[[Recording], Recording]


class Subtle(StrEnum):
    """Why a fault is easily missed; servers that are broken on purpose say the same as `SUBTLE`."""

    ONE_IN_FIFTY = "one client in fifty"
    ONLY_EVICTING = "only while clients are evicted"
    ON_ITS_WAY = "only while a message is on its way"
    ONE_KIND = "only for one kind of client"
    JUST_BEYOND = "just beyond the bound"
    SECOND_TIME = "only the second time"


@dataclass(frozen=True)
class Specimen:
    """One fault in a run of `scenario`, and the clauses that `fails` lists are those that notice it.

    `missed_before`: no judge noticed it before each clause was judged to its bounds and to the end.
    """

    name: str
    scenario: str
    fails: frozenset[int]
    subtle: Subtle | None
    missed_before: bool
    fault: Fault

    @property
    def claim(self) -> str:
        """What is broken."""
        return " ".join((inspect.getdoc(self.fault) or "").split())


RECORDED: dict[str, Specimen] = {}


def specimen(
    scenario: str, fails: set[int], subtle: Subtle | None = None, *, missed_before: bool = False
) -> Callable[[Fault], Fault]:
    """Register a fault. Raises ValueError where its name is taken."""

    def register(fault: Fault) -> Fault:
        name = fault.__name__
        if name in RECORDED:
            raise ValueError(f"there are two recorded specimens named {name}")
        RECORDED[name] = Specimen(name, scenario, frozenset(fails), subtle, missed_before, fault)
        return fault

    return register
