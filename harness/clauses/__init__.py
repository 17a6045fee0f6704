"""The clauses of the drain contract as pure functions of a history.

Owns: the registry `CLAUSES` and `judge`. A clause's judge reads what was recorded and nothing else: no
clock, no socket, no file. One module for each section of the contract; `verdict` holds the words that they
share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.clauses import admission, closing, leaving, notice, service, termination
from harness.clauses.verdict import Judgement, Ruling, Verdict, unknown
from harness.history import History
from harness.views import Drain

__all__ = ["CLAUSES", "Clause", "Judgement", "Ruling", "Verdict", "judge"]


@dataclass(frozen=True)
class Clause:
    """One clause of the contract: its number, name and claim there, and the judge of it."""

    id: int
    name: str
    claim: str
    judge: Callable[[History], Judgement]


def clause(number: int, name: str, claim: str, of_drain: Callable[[Drain], Judgement]) -> Clause:
    """A clause whose judge is given the drain; a history without a signal leaves it unknown."""

    def judge_history(history: History) -> Judgement:
        if history.drain is None:
            return unknown("the target was never told to stop: no signal is on record")
        return of_drain(history.drain)

    return Clause(number, name, claim, judge_history)


_ALL = (
    clause(
        1,
        "readiness-first",
        "Readiness answers 503 within 250 ms of t0 and never 200 again.",
        admission.readiness_first,
    ),
    clause(
        2,
        "still-alive",
        "Liveness and metrics answer 200 until the last client is gone.",
        admission.still_alive,
    ),
    clause(
        3,
        "refusal-is-explicit",
        "A handshake begun after the late horizon gets 503 with Retry-After within 1 s.",
        admission.refusal_is_explicit,
    ),
    clause(
        4,
        "no-orphan-joiner",
        "A handshake that races the signal gets that 503, or 101 and then the notice.",
        admission.no_orphan_joiner,
    ),
    clause(
        5,
        "told-once",
        "Every client connected at t0 gets exactly one notice, before any close frame.",
        notice.told_once,
    ),
    clause(
        6,
        "order",
        "No 200 from readiness after a notice; first notice, then closes, then the exit.",
        notice.order,
    ),
    clause(
        8,
        "spread-reconnects",
        "The advised reconnect moments are spread evenly over the window.",
        notice.spread_reconnects,
    ),
    clause(
        9,
        "still-served",
        "Connected clients go on being served: broadcasts, notifications, replies.",
        service.still_served,
    ),
    clause(
        10,
        "accepted-is-answered",
        "What was sent 250 ms before the close is answered; accepted broadcasts arrive once, in order.",
        service.accepted_is_answered,
    ),
    clause(
        11,
        "leave-in-peace",
        "A client's own close is answered with its code within 1 s, in every phase.",
        leaving.leave_in_peace,
    ),
    clause(
        12,
        "keeps-the-grace",
        "No connection is closed by the server before the deadline, save for its own fault.",
        closing.keeps_the_grace,
    ),
    clause(
        13,
        "says-goodbye",
        "Every reading client gets 1012 and a complete closing handshake.",
        closing.says_goodbye,
    ),
    clause(
        15,
        "no-cliff",
        "In any second no more than twice the pace are closed.",
        closing.no_cliff,
    ),
    clause(
        16,
        "leaves-when-empty",
        "Once the last client has left early, the process is gone within 1 s.",
        termination.leaves_when_empty,
    ),
    clause(
        18,
        "cleans-up-once",
        "Lifespan shutdown runs exactly once, after the last connection has ended.",
        termination.cleans_up_once,
    ),
    clause(
        20,
        "leaves-nothing",
        "No process is left behind, and the port can be bound at once.",
        termination.leaves_nothing,
    ),
)

CLAUSES: dict[int, Clause] = {each.id: each for each in _ALL}


def judge(history: History, ids: Iterable[int]) -> list[Ruling]:
    """Judge a complete history by the clauses with these numbers, in that order; KeyError for any other."""
    rulings = []
    for clause_id in ids:
        one = CLAUSES[clause_id]
        judgement = one.judge(history)
        rulings.append(Ruling(one.id, one.name, judgement.verdict, judgement.evidence))
    return rulings
