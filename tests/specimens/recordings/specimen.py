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


class Missed(StrEnum):
    """Why the harness would not have noticed a fault before each clause was judged to its bounds and to the end.

    Shown with the harness of commit c504622: its judges have looked at the same recordings, and what is broken on
    purpose has run in its scenarios.
    """

    BY_JUDGES = "by the judges"
    NO_SUCH_CLIENT = "no such client"
    NO_SUCH_SCENARIO = "no such scenario"
    IN_THE_RUN = "in the run"


@dataclass(frozen=True)
class Specimen:
    """One fault in a run of `scenario`, and the clauses that notice it, which are those in `fails`."""

    name: str
    scenario: str
    fails: frozenset[int]
    subtle: Subtle | None
    missed_before: Missed | None
    fault: Fault

    @property
    def claim(self) -> str:
        """What is broken."""
        return " ".join((inspect.getdoc(self.fault) or "").split())


RECORDED: dict[str, Specimen] = {}


def specimen(
    scenario: str, fails: set[int], subtle: Subtle | None = None, *, missed_before: Missed | None = None
) -> Callable[[Fault], Fault]:
    """Register a fault. Raises ValueError where its name is taken."""

    def register(fault: Fault) -> Fault:
        name = fault.__name__
        if name in RECORDED:
            raise ValueError(f"there are two recorded specimens named {name}")
        RECORDED[name] = Specimen(name, scenario, frozenset(fails), subtle, missed_before, fault)
        return fault

    return register
