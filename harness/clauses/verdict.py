"""The words of a verdict: what a judge can say, and how it says it so that a person can check it.

Owns: `Verdict`, `Judgement`, `Ruling`, and the phrasing of evidence. Refuses to know: any clause.

Rules. Evidence is one line: how many offenders of how many, then what happened to them, the worst kind first, each with
its number and one client to look for in the history, when (relative to t0), the limit and the actual. A proven offence
fails however little was seen; a pass needs the least number of observations. No bound is ever widened for a busy
machine: the verdict becomes unknown.

A harness that lags sees things late, never early, and a target that waits for a core is late through no fault of its
own. So a pass of "within" and a failure of "not before" stand on any machine. A failure of "within" is unknown where
lag and wait come to more than a quarter of the bound, and it would have been none without them. A pass of "not
before" is unknown where the lag alone may have made it one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import NamedTuple, Protocol

from ..history.drain import Drain
from ..history.machine import MachineView

SHOWN_KINDS = 3
MEASURED = re.compile(r"\d+\.\d+ s\b")
WORTH_TELLING_S = 0.0005
SMALLEST_BOUND_S = 0.25  # of all clauses: readiness turns within this (clause 1)


class Verdict(StrEnum):
    """What a clause comes to. `excluded`: the target declares not to have what the clause is about."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    EXCLUDED = "excluded"


@dataclass(frozen=True)
class Judgement:
    """A verdict and one line of evidence. `busy`: it is unknown because the machine was; another telling may show.

    `short`: it is unknown for want of observations, which a machine that was busy at any time may have cost. `kinds`:
    what happened to offenders, each kind in a few words, by which a cause is told from what follows from it. `clients`:
    of how many a pass was seen, where it is about each client and a fault may hit a few of them.
    """

    verdict: Verdict
    evidence: str
    busy: bool = False
    short: bool = False
    kinds: frozenset[str] = frozenset()
    clients: int = 0


@dataclass(frozen=True)
class Ruling:
    """A judgement on a clause of the contract, by number and name, as reports print it.

    `follows_from`: the clause whose failure explains this one, with which it counts. `to_do`: what to do about it.
    `clients`: how many were seen to be treated as they should, where that is a matter of each of them.
    """

    id: int
    name: str
    verdict: Verdict
    evidence: str
    busy: bool = False
    short: bool = False
    follows_from: int | None = None
    to_do: str = ""
    clients: int = 0


class Delay(NamedTuple):
    """What began at `since` was due by `limit` and came, or was still missing, at `until`.

    `bound_s` is the clause's own, a quarter of which a busy machine may take.
    """

    since: float
    until: float
    limit: float
    bound_s: float

    @property
    def over_s(self) -> float:
        """By how much it was late."""
        return self.until - self.limit


class Gravity(IntEnum):
    """How bad an offence is beside others against the same clause; evidence begins with the worst."""

    WRONG = 0  # something came, and was wrong or late
    MISSING = 1  # what was owed did not come, or the connection was cut
    HELD = 2  # nothing came, and no end either: whoever waits for it hangs


@dataclass(frozen=True)
class Offence:
    """One thing that a clause forbids: when, by or to whom, and what (`was closed with 1012`).

    `delay` where it is an offence only because it took too long. `kind` names what happened where `what` differs from
    one offender to the next in more than a time in seconds, as in `did not get speaker-2:35`.
    """

    t: float
    who: str
    what: str
    delay: Delay | None = None
    kind: str = ""
    gravity: Gravity = Gravity.WRONG

    @property
    def sort(self) -> tuple[Gravity, str]:
        """What offences have in common that evidence counts together."""
        return self.gravity, self.kind or MEASURED.sub("s", self.what)

    @property
    def extent_s(self) -> float:
        """How late it was, to find the worst of its kind; 0 where it was no matter of time."""
        return self.delay.over_s if self.delay else 0.0


class Observed(Protocol):
    """What a busy machine may have made late: a `Drain` or a `ResumeRun`."""

    @property
    def machine(self) -> MachineView:
        """How busy the machine was."""

    def at(self, t: float) -> str:
        """A moment as a person reads it."""


def passed(evidence: str, clients: int = 0) -> Judgement:
    """The clause was kept: what was observed, how close to the bound, and of how many clients each was looked at."""
    return Judgement(Verdict.PASS, evidence, clients=clients)


def failed(evidence: str, *kinds: str) -> Judgement:
    """The clause was broken: the limit and the actual; of what kind it was, where something may follow from it."""
    return Judgement(Verdict.FAIL, evidence, kinds=frozenset(kinds))


def unknown(evidence: str) -> Judgement:
    """Too little was observed, or too badly, to say: what was missing."""
    return Judgement(Verdict.UNKNOWN, evidence)


def excluded(evidence: str) -> Judgement:
    """The target declares not to have what the clause is about: what that is."""
    return Judgement(Verdict.EXCLUDED, evidence)


def too_few(count: int, least: int, what: str) -> Judgement:
    """Unknown, for want of observations."""
    return short(f"only {count} {what}, and a verdict needs {least}")


def short(evidence: str) -> Judgement:
    """Unknown, for want of observations, said in words: what was missing."""
    return Judgement(Verdict.UNKNOWN, evidence, short=True)


def short_or_busy(judgement: Judgement, machine: MachineView) -> Judgement:
    """A want of observations as the machine's doing, where harness or target waited at any time of the run."""
    whole_run = -math.inf, math.inf
    waited_s = machine.lag_s(*whole_run) + machine.starved_s(*whole_run)
    if not judgement.short or waited_s <= SMALLEST_BOUND_S:
        return judgement
    why = f"harness and target waited {waited_s:.3f} s for the machine, which may be why"
    return replace(judgement, evidence=f"{judgement.evidence}; {why}", busy=True)


def busy(evidence: str) -> Judgement:
    """Unknown because the machine was too busy: how busy it was, and what cannot be said therefore."""
    return Judgement(Verdict.UNKNOWN, evidence, busy=True)


def excuse(seen: Observed, delay: Delay | None) -> str | None:
    """How the machine explains a delay, in words; None where it does not, or where nothing was late."""
    if delay is None:
        return None
    lag_s = seen.machine.lag_s(delay.since, delay.until)
    starved_s = seen.machine.starved_s(delay.since, delay.until)
    if lag_s + starved_s <= delay.bound_s / 4 or delay.over_s > lag_s + starved_s:
        return None
    parts = [f"the harness itself lagged {lag_s:.3f} s"] if lag_s >= WORTH_TELLING_S else []
    parts += [f"the target waited {starved_s:.3f} s for a core"] if starved_s >= WORTH_TELLING_S else []
    stretch = f"between {seen.at(delay.since)} and {seen.at(delay.until)}"
    together = ", together" if len(parts) > 1 else ","
    return f"{' and '.join(parts)} {stretch}{together} more than a quarter of {delay.bound_s:.3f} s"


def late(seen: Observed, evidence: str, delay: Delay) -> Judgement:
    """A failure by time, unless the machine explains it."""
    why = excuse(seen, delay)
    return failed(evidence) if why is None else busy(f"{why}: {evidence}")


def accuse(seen: Observed, offences: Sequence[Offence], of: int, charge: str) -> Judgement:
    """A failure: how many `of` how many, the charge (`clients were closed early`), and what happened to them.

    Unknown where the machine explains every one of them; otherwise those that it explains are not counted.
    """
    excuses = [excuse(seen, offence.delay) for offence in offences]
    stand = [offence for offence, why in zip(offences, excuses, strict=True) if why is None]
    counted = stand or offences
    said = f"{len(counted)} of {of} {charge}; {by_kind(seen, counted)}"
    return failed(said, *(offence.sort[1] for offence in stand)) if stand else busy(f"{excuses[0]}: {said}")


def by_kind(seen: Observed, offences: Sequence[Offence]) -> str:
    """What happened, kind by kind: the worst first, then the most frequent; of each one offender by name.

    That is the one who waited longest, where it was a matter of time, else the first.
    """
    kinds: dict[tuple[Gravity, str], list[Offence]] = {}
    for offence in sorted(offences, key=lambda offence: offence.t):
        kinds.setdefault(offence.sort, []).append(offence)
    worst_first = [kinds[sort] for sort in sorted(kinds, key=lambda sort: (-sort[0], -len(kinds[sort])))]
    if len(worst_first) == 1:
        return _one_of(seen, worst_first[0])
    said = [f"{len(kind)} {'time' if len(kind) == 1 else 'times'}: {_one_of(seen, kind)}" for kind in worst_first]
    if rest := sum(map(len, worst_first[SHOWN_KINDS:])):
        said[SHOWN_KINDS:] = [f"{rest} of {len(worst_first) - SHOWN_KINDS} other kinds"]
    return "; ".join(said)


def _one_of(seen: Observed, kind: Sequence[Offence]) -> str:
    longest = max(kind, key=lambda offence: offence.extent_s)
    which = "first" if longest is kind[0] else "worst"
    return f"{which} {longest.who} at {seen.at(longest.t)} {longest.what}"


def together(parts: dict[int, Judgement]) -> Judgement:
    """Judgements of several clauses as one: a failure if any is, else unknown if any is, else a pass."""
    said = "; ".join(f"clause {number}: {part.evidence}" for number, part in parts.items())
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN):
        for number, part in parts.items():
            if part.verdict is verdict:
                return replace(part, evidence=f"clause {number}: {part.evidence}")
    return passed(said)


def stood_still(seen: Drain, start: float, end: float) -> Judgement | None:
    """Unknown where the harness had stopped the target (SIGSTOP) between two moments, else None."""
    if not seen.was_frozen(start, end):
        return None
    return unknown(f"the harness had stopped the target between {seen.at(start)} and {seen.at(end)}")


def may_have_been_early(seen: Observed, since: float, seen_at: float, bound_s: float) -> Judgement | None:
    """Unknown where what was seen after a moment may have happened before it, for the harness lagged; else None."""
    lag_s = seen.machine.lag_s(since, seen_at)
    if lag_s <= bound_s / 4 or seen_at - lag_s >= since:
        return None
    stretch = f"between {seen.at(since)} and {seen.at(seen_at)}"
    return busy(f"the harness itself lagged {lag_s:.3f} s {stretch}, more than a quarter of {bound_s:.3f} s")
