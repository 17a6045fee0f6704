"""The clauses of the drain contract as pure functions of a history.

Owns: the registry `CLAUSES` and `judge`. A clause's judge reads what was recorded and nothing else: no
clock, no socket, no file. One module for each section of the contract; `verdict` holds the words that they
share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..history.drain import Drain
from ..history.record import History
from . import (
    accounts,
    admission,
    closing,
    hostile,
    leaving,
    notice,
    observability,
    progress,
    rolling,
    service,
    signals,
    termination,
)
from . import slow_reader as hostage
from . import workers as many
from .verdict import Judgement, Ruling, Verdict, unknown

__all__ = ["CLAUSES", "Clause", "Judgement", "Ruling", "Verdict", "judge"]


@dataclass(frozen=True)
class Clause:
    """One clause of the contract: its number, name and claim there, and the judge of it."""

    id: int
    name: str
    claim: str
    judge: Callable[[History], Judgement]


def clause(number: int, name: str, claim: str, of_drain: Callable[[Drain], Judgement]) -> Clause:
    """A clause whose judge is given the drain; a history without a stop leaves it unknown."""

    def judge_history(history: History) -> Judgement:
        if history.drain is None:
            return unknown("the target was never told to stop: no signal and no other cause is on record")
        return of_drain(history.drain)

    return Clause(number, name, claim, judge_history)


_ALL = (
    clause(
        1, "readiness-first", "Readiness answers 503 within 250 ms of t0, never 200 again.", admission.readiness_first
    ),
    clause(2, "still-alive", "Liveness and metrics answer 200 to the last client's end.", admission.still_alive),
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
    clause(6, "order", "No 200 from readiness after a notice; first notice, then closes, then the exit.", notice.order),
    clause(
        7, "no-hostage", "A client that does not read delays nobody's notice and nobody's messages.", hostage.no_hostage
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
        13, "says-goodbye", "Every reading client gets 1012 and a complete closing handshake.", closing.says_goodbye
    ),
    clause(
        14,
        "aborts-only-the-hostile",
        "Only hostile clients are cut off or hold on until the close timeout.",
        hostile.aborts_only_the_hostile,
    ),
    clause(15, "no-cliff", "In any second no more than twice the pace are closed.", closing.no_cliff),
    clause(
        16,
        "leaves-when-empty",
        "Once the last client has left early, the process is gone within 1 s.",
        termination.leaves_when_empty,
    ),
    clause(
        17,
        "bounded",
        "With hostile clients too: gone by deadline + clients / pace + close timeout + 1 s.",
        termination.bounded,
    ),
    clause(
        18,
        "cleans-up-once",
        "Lifespan shutdown runs exactly once, after the last connection has ended.",
        termination.cleans_up_once,
    ),
    clause(
        19,
        "exit-status",
        "The exit status is one declared for what happened: drained, forced, stopped in startup.",
        termination.exit_status,
    ),
    clause(
        20,
        "leaves-nothing",
        "No process is left behind, and the port can be bound at once.",
        termination.leaves_nothing,
    ),
    clause(
        21,
        "idempotent",
        "A hundred further SIGTERMs change nothing, never the deadline or the status.",
        signals.idempotent,
    ),
    clause(
        22, "ctrl-c-is-one", "SIGINT to the process group, followed by a SIGTERM, counts as one.", signals.ctrl_c_is_one
    ),
    clause(
        23,
        "operator-force",
        "A SIGINT to the group more than 1 s after the first evicts at once, unpaced.",
        signals.operator_force,
    ),
    clause(24, "startup", "A signal during startup: never ready, and gone within 1 s.", signals.startup),
    clause(25, "any-cause", "A stop with no signal (request limit reached, reload) drains as well.", signals.any_cause),
    clause(26, "frozen", "Stopped (SIGSTOP) across the deadline, it evicts at once on SIGCONT.", signals.frozen),
    clause(
        27, "progress", "A log line at each phase and every so often in between, but none a client.", progress.progress
    ),
    clause(
        28,
        "accounts",
        "The final report adds up, to the numbers that the clients themselves counted.",
        accounts.accounts,
    ),
    clause(29, "monotone", "The gauge of connections left never grows after the late horizon.", observability.monotone),
    clause(30, "clean-log", "No traceback, no warning about a task, no ERROR line.", observability.clean_log),
    clause(
        31,
        "stays-light",
        "Draining 10,000 clients adds at most 10 % of memory; readiness answers within 100 ms.",
        observability.stays_light,
    ),
    clause(
        32,
        "no-black-hole",
        "With several workers no new connection is accepted and left unanswered.",
        many.no_black_hole,
    ),
    Clause(
        33,
        "rolling",
        "Whoever reconnects and resumes gets every message exactly once, in order; each is moved once a host at most.",
        rolling.rolling,
    ),
    Clause(
        34,
        "worker-dies",
        "A worker killed outright: only its own clients notice; they resume elsewhere with nothing lost.",
        many.worker_dies,
    ),
)

CLAUSES: dict[int, Clause] = {each.id: each for each in _ALL}


def judge(history: History, ids: Iterable[int]) -> list[Ruling]:
    """Judge a complete history by the clauses with these numbers, in that order; KeyError for any other."""
    rulings = []
    for clause_id in ids:
        one = CLAUSES[clause_id]
        judgement = one.judge(history)
        rulings.append(Ruling(one.id, one.name, judgement.verdict, judgement.evidence, judgement.busy))
    return rulings
