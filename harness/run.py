"""One scenario against one target, and what came of it.

Owns the way from a question to an `Outcome`. Refuses to know how it is shown and where it is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from harness.clauses import CLAUSES, Ruling, Verdict, judge
from harness.history import History
from harness.profile import Ask, Profile, terms_of
from harness.scenarios import Scenario
from harness.stage import Stage

PASSED, FAILED, UNDECIDED = 0, 1, 2


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


async def run(scenario: Scenario, profile: Profile, ask: Ask, watch: Callable[[Stage], Awaitable[None]]) -> Outcome:
    """Perform a scenario and judge it; `watch(stage)` runs beside it and is cancelled at the end.

    A target that declares not to have what the scenario needs is not started: every clause is excluded. Raises
    TargetFailed, CrowdIncomplete, or OSError when descriptors are too few.
    """
    ask = scenario.asked(ask)
    cast = scenario.cast(ask.clients)
    if reason := scenario.cannot_be_told_to(profile):
        return Outcome(
            scenario, profile, ask, History(terms_of(profile, ask, cast.evict_per_s)), _excluded(scenario, reason), None
        )
    profile = scenario.suited(profile)
    stage = Stage(profile, ask, cast, scenario.comes_up)
    watching = asyncio.ensure_future(watch(stage))
    try:
        async with stage:
            await scenario.perform(stage)
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    rulings = judge(stage.history, scenario.clauses)
    return Outcome(scenario, profile, ask, stage.history, rulings, stage.target.status)


def _excluded(scenario: Scenario, reason: str) -> list[Ruling]:
    """Every clause of a scenario that is not performed."""
    return [Ruling(number, CLAUSES[number].name, Verdict.EXCLUDED, reason) for number in scenario.clauses]
