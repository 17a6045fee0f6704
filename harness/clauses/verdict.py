"""The words of a verdict: what a judge can say, and how it says it so that a person can check it.

Owns: `Verdict`, `Judgement`, `Ruling`, and the phrasing of evidence. Refuses to know: any clause.

Rules. Evidence is one line: who (the first offender or two, and how many in all), when (relative to t0),
the limit and the actual. A proven offence fails however little was seen; a pass needs the least number of
observations. No bound is ever widened for a slow harness: the verdict becomes unknown.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ..history.drain import Drain

NAMED_OFFENDERS = 2


class Verdict(StrEnum):
    """What a clause comes to. `excluded`: the target declares not to have what the clause is about."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    EXCLUDED = "excluded"


@dataclass(frozen=True)
class Judgement:
    """A verdict and one line of evidence."""

    verdict: Verdict
    evidence: str


@dataclass(frozen=True)
class Ruling:
    """A judgement on a clause of the contract, by number and name, as reports print it."""

    id: int
    name: str
    verdict: Verdict
    evidence: str


@dataclass(frozen=True)
class Offence:
    """One thing that a clause forbids: when, by or to whom, and what (`was closed with 1012`)."""

    t: float
    who: str
    what: str


def passed(evidence: str) -> Judgement:
    """The clause was kept: what was observed, and how close to the bound."""
    return Judgement(Verdict.PASS, evidence)


def failed(evidence: str) -> Judgement:
    """The clause was broken: the limit and the actual."""
    return Judgement(Verdict.FAIL, evidence)


def unknown(evidence: str) -> Judgement:
    """Too little was observed, or too badly, to say: what was wanting."""
    return Judgement(Verdict.UNKNOWN, evidence)


def excluded(evidence: str) -> Judgement:
    """The target declares not to have what the clause is about: what that is."""
    return Judgement(Verdict.EXCLUDED, evidence)


def too_few(count: int, least: int, what: str) -> Judgement:
    """Unknown, for want of observations."""
    return unknown(f"only {count} {what}, and a verdict needs {least}")


def accuse(seen: Drain, offences: Sequence[Offence], of: int, charge: str) -> Judgement:
    """A failure: how many `of` how many, the charge (`clients were closed early`), the first by name."""
    first = heapq.nsmallest(NAMED_OFFENDERS, offences, key=lambda offence: offence.t)
    named = ", then ".join(f"{offence.who} at {seen.at(offence.t)} {offence.what}" for offence in first)
    return failed(f"{len(offences)} of {of} {charge}; first {named}")


def together(parts: dict[int, Judgement]) -> Judgement:
    """Judgements of several clauses as one: a failure if any is, else unknown if any is, else a pass."""
    said = "; ".join(f"clause {number}: {part.evidence}" for number, part in parts.items())
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN):
        for number, part in parts.items():
            if part.verdict is verdict:
                return Judgement(verdict, f"clause {number}: {part.evidence}")
    return passed(said)


def blurred(seen: Drain, bound_s: float, start: float, end: float) -> Judgement | None:
    """As `lagged`; unknown also where the harness had stopped the target (SIGSTOP) between the two moments."""
    if seen.was_frozen(start, end):
        return unknown(f"the harness had stopped the target between {seen.at(start)} and {seen.at(end)}")
    return lagged(seen, bound_s, start, end)


def lagged(seen: Drain, bound_s: float, start: float, end: float) -> Judgement | None:
    """Unknown where the harness lagged by more than a quarter of the bound between two moments, else None."""
    lag = seen.worst_lag(start, end)
    if lag <= bound_s / 4:
        return None
    stretch = f"between {seen.at(start)} and {seen.at(end)}"
    return unknown(f"the harness itself lagged {lag:.3f} s {stretch}, more than a quarter of {bound_s:.3f} s")
