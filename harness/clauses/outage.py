"""What is owed while the broker is away, apart from what `delivery` counts: an answer to each publish, and a `gap`.

Owns: how soon a publish was answered, whatever the answer, and which clients got a `gap` when the log was lost. Part of
clause 33: a publish without an answer was not served, and a client without a `gap` does not know of its loss. Refuses
to know why a client connected or left.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..history.events import Event
from ..history.reconnecting import ConnectionView
from ..history.record import History
from ..history.resume_run import ResumeRun
from .verdict import Delay, Gravity, Offence

ANSWERED_WITHIN_S = 1.0
GAP_WITHIN_S = 3.0
LEAST_PUBLISHES = 10  # while the broker was away
LEAST_CLIENTS = 10  # that could get a gap
BEGINS, ENDS = frozenset({"killed", "frozen"}), frozenset({"ready", "thawed"})
ANSWERS = frozenset({"acked", "error"})

Publish = tuple[float, str, float]  # when, by whom, and how long it was without an answer


@dataclass
class Outage:
    """What was found. `missing`: of what too little was observed for a pass; `figures`: how near it came to a bound."""

    offences: list[Offence] = field(default_factory=list)
    missing: str | None = None
    figures: list[str] = field(default_factory=list)


def look(history: History, run: ResumeRun) -> Outage:
    """Look at a run; nothing is found where the broker was always there."""
    found = Outage()
    broker = [event for event in history.events if event.who == "broker"]
    if away := _away(broker):
        _look_for_answers(history, away, found)
    if (emptied_at := run.broker_emptied_at) is not None:
        back_at = next((event.t for event in broker if event.what == "ready" and event.t > emptied_at), math.inf)
        _look_for_gaps(run, back_at, found)
    return found


def _away(broker: list[Event]) -> list[tuple[float, float]]:
    """From when to when it was killed, or stopped."""
    ends = [event.t for event in broker if event.what in ENDS]
    begins = [event.t for event in broker if event.what in BEGINS]
    return [(t, next((end for end in ends if end >= t), math.inf)) for t in begins]


def _look_for_answers(history: History, away: list[tuple[float, float]], found: Outage) -> None:
    publishes = [one for one in _publishes(history) if any(start <= one[0] <= end for start, end in away)]
    found.offences += [
        Offence(
            t,
            who,
            f"had no answer to a publish in {waited_s:.3f} s (limit {ANSWERED_WITHIN_S:.3f} s)",
            Delay(t, t + waited_s, t + ANSWERED_WITHIN_S, ANSWERED_WITHIN_S),
            "had no answer to a publish in time",
        )
        for t, who, waited_s in publishes
        if waited_s > ANSWERED_WITHIN_S
    ]
    slowest_s = max((waited_s for _, _, waited_s in publishes), default=0.0)
    found.figures.append(
        f"{len(publishes)} publishes while the broker was away, the slowest answered in {slowest_s:.3f} s"
    )
    if len(publishes) < LEAST_PUBLISHES:
        least = f"and a verdict needs {LEAST_PUBLISHES}"
        found.missing = f"only {len(publishes)} publishes while the broker was away, {least}"


def _publishes(history: History) -> Iterator[Publish]:
    """All of them, by HTTP and by clients; of one whose connection ended first nothing is known."""
    asked: dict[str, float] = {}
    for t, who, what, detail in history.events:
        if what == "posted":
            yield detail["began"], "a POST", t - detail["began"]
        elif what == "published":
            asked[who] = t
        elif what in ANSWERS and who in asked:
            began = asked.pop(who)
            yield began, who, t - began
        elif what == "ended":
            asked.pop(who, None)
    until = max((event.t for event in history.events), default=0.0)
    yield from ((began, who, until - began) for who, began in asked.items())


def _look_for_gaps(run: ResumeRun, back_at: float, found: Outage) -> None:
    """The clients that were connected all the time, and got no `gap`."""
    there = [
        connection
        for connection in run.connections.values()
        if connection.welcomed_at is not None and connection.welcomed_at < back_at < run.seen_until - GAP_WITHIN_S
        if connection.ended_at is None or connection.ended_at > back_at + GAP_WITHIN_S
    ]
    found.figures.append(f"the log was lost before {len(there)} clients")
    found.offences += [
        Offence(
            back_at,
            connection.client,
            f"got no gap within {GAP_WITHIN_S:.3f} s, and the log had been lost",
            _delay_of_gap(run, connection, back_at),
            gravity=Gravity.MISSING,
        )
        for connection in there
        if not any(mark.what == "gap" and mark.t <= back_at + GAP_WITHIN_S for mark in connection.marks)
    ]
    if len(there) < LEAST_CLIENTS:
        found.missing = f"only {len(there)} clients were connected to get a gap, and a verdict needs {LEAST_CLIENTS}"


def _delay_of_gap(run: ResumeRun, connection: ConnectionView, back_at: float) -> Delay:
    """How long after the loss it got a gap, or was connected without one."""
    gaps = (mark.t for mark in connection.marks if mark.what == "gap" and mark.t > back_at)
    until = run.seen_until if connection.ended_at is None else connection.ended_at
    return Delay(back_at, next(gaps, until), back_at + GAP_WITHIN_S, GAP_WITHIN_S)
