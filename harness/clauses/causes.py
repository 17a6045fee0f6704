"""Which failure follows from which other one, so that one cause is one finding.

Owns the links from clause to clause, and when they hold. Refuses to know how a clause is judged: a link asks what kinds
of offences its two clauses found. Source: contract, *How a verdict is earned*, "one cause, one finding".

Rules. A failure follows from another one of the same run only where everything that it found is explained by that one;
with anything else among it, it is a finding of its own. Links do not go in circles, and none but those to the notice
lead to a higher level: what fails on a level counts there. A process that had to be killed is
one finding, however many clauses waited for its end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ..history.drain import Drain
from .verdict import Judgement, Verdict


class Link(NamedTuple):
    """`clause` follows from `cause` where all that it found is of these kinds, and the cause found one of `by`.

    No kinds: whatever was found.
    """

    clause: int
    cause: int
    kinds: frozenset[str] = frozenset()
    by: frozenset[str] = frozenset()


def _of(*kinds: str) -> frozenset[str]:
    return frozenset(kinds)


CUT = _of("was ended by eof without a close frame", "was ended by reset without a close frame")
CUT_OFF = _of("was ended without a close frame")
RESET = _of("was ended by reset after its answer", "was ended by reset after the close frame, before its answer to it")
LINKS = (
    Link(4, 5, _of("got 101 and no notice")),
    Link(6, 5, _of("was closed")),
    Link(7, 5, _of("had no notice")),
    Link(8, 5, _of("no notice")),
    Link(6, 1, _of("got 200")),
    Link(29, 3, by=_of("got 101")),
    Link(9, 10, _of("had no replies"), _of("was closed with messages unanswered")),
    Link(9, 10, _of("had no broadcasts"), _of("had not heard a broadcast")),
    Link(10, 13, _of("was cut off with a broadcast on its way"), CUT),
    Link(14, 13, _of("saw a reset", "saw an end without a close frame"), CUT | RESET),
    Link(28, 13, _of("left", "closed", "aborted")),
    Link(34, 12, _of("was cut off, and another worker held it"), _of("without a close frame")),
)
# The judge of the one asks, among other things, what the judge of the other asks.
REPEATS = {4: (3,), 12: (21, 22), 21: (19,), 22: (19,), 23: (13, 14), 24: (19,), 25: (5, 12), 26: (12, 15)}
# Of a process that had to be killed: the first of these that fails is the finding; the others wait for its end as well.
ENDS = (24, 16, 17, 20)
WAITS = {
    12: _of("was never ended"),
    13: _of("was never closed", "was left connected after its close frame"),
    14: _of("was not cut off", "was held"),
    18: _of("never began"),
    23: _of("had no close frame"),
    28: _of("no report"),
}
OF_AN_EXIT = (16, 19, 21, 22)  # cannot be said of a process that had to be killed
ONE_STOP = (21, 22)  # further signals: what they broke shows in the exit status
CODE_CLOSED, CODE_SENT = (
    re.compile(r"was closed with(?:out a code)? \(?(\d+)\)?"),
    re.compile(r"sent a close frame with code (\d+)"),
)


def causes_of(judgements: Mapping[int, Judgement], seen: Drain | None) -> dict[int, int]:
    """Of each failure that follows from another one, from which clause; `judgements` are those of one run.

    Of a process that had to be killed this is said too of what is unknown without its exit.
    """
    failures = {number: one for number, one in judgements.items() if one.verdict is Verdict.FAIL}
    killed = seen is not None and seen.gave_up_at is not None and seen.exited_at is None
    open_ones = {
        number for number in OF_AN_EXIT if number in judgements and judgements[number].verdict is Verdict.UNKNOWN
    }
    found = _of_a_killed_process(failures, open_ones) if killed else {}
    for link in LINKS:
        if link.clause in failures and link.cause in failures and _holds(link, failures):
            found.setdefault(link.clause, link.cause)
    if 13 in failures and 19 not in failures and failures[13].kinds & CUT:
        found |= {number: 13 for number in ONE_STOP if number in failures and _only(failures[number], CUT_OFF)}
    for number, others in REPEATS.items():
        for other in others:
            if number in failures and other in failures and _only(failures[number], failures[other].kinds):
                found.setdefault(number, other)
    if _was_closed_with_what_may_not_be_sent(failures):
        found.setdefault(13, 35)
    return found


def _of_a_killed_process(failures: Mapping[int, Judgement], open_ones: set[int]) -> dict[int, int]:
    root = next((number for number in ENDS if number in failures), None)
    if root is None:
        return {}
    waiting = {number for number, kinds in WAITS.items() if number in failures and _only(failures[number], kinds)}
    return dict.fromkeys((waiting | open_ones | (failures.keys() & ENDS)) - {root}, root)


def _holds(link: Link, failures: Mapping[int, Judgement]) -> bool:
    by = failures[link.cause].kinds & link.by
    return (not link.kinds or _only(failures[link.clause], link.kinds)) and (not link.by or bool(by))


def _only(failure: Judgement, kinds: frozenset[str]) -> bool:
    return bool(failure.kinds) and failure.kinds <= kinds


def _was_closed_with_what_may_not_be_sent(failures: Mapping[int, Judgement]) -> bool:
    """Whether 13 found nothing but close codes that 35 names as none."""
    if 13 not in failures or 35 not in failures:
        return False
    closed = [CODE_CLOSED.fullmatch(kind) for kind in failures[13].kinds]
    sent = {found[1] for kind in failures[35].kinds if (found := CODE_SENT.fullmatch(kind))}
    return bool(closed) and all(found is not None and found[1] in sent for found in closed)
