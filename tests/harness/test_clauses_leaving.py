"""Clause 11 on literal histories."""

from __future__ import annotations

import pytest

from harness.clauses import CLAUSES
from tests.harness.histories import (
    EXCLUDED,
    FAIL,
    PASS,
    UNKNOWN,
    Case,
    Cases,
    Story,
    check,
    deserted,
    each,
    healthy,
    story,
    without_deadline,
)


def leaver(code: int, answer: int, at: float = 3.0) -> Story:
    return healthy().client("odd-1").gets_notice(0.1).leaves(at, code, answer)


def closing_at_once() -> Story:
    told = story()
    for i in range(9):
        told.client(f"lingerer-{i}").is_evicted(0.01 + i / 1000)
    return told.exits(0.2)


CASES: Cases = {
    11: [
        Case("answered with their code", healthy, PASS, "6 closes by clients answered, the slowest in 0.010 s"),
        Case(
            "answered with another code",
            lambda: leaver(4001, 1000),
            FAIL,
            "1 of 7 closes by clients were not answered with their code within 1.000 s;"
            " first odd-1 at t0+3.000 s closed with 4001 and was answered 1000",
        ),
        Case("answered with 1012 in the grace", lambda: leaver(1000, 1012), FAIL, "was answered 1012"),
        Case(
            "who leaves because of what it was sent reads no answer",
            lambda: story().client("odd-1").is_sent(1.0, "sent a masked frame").closes(1.0, 1002).ends(1.1),
            UNKNOWN,
            "only 0 closes",
        ),
        Case("crossed by 1012 after the deadline", lambda: leaver(1000, 1012, at=6.0), PASS, "6 closes"),
        Case(
            "crossed by a close that came early",
            lambda: leaver(1000, 1001).client("odd-2").is_evicted(3.02, 1001),
            PASS,
            "6 closes",
        ),
        Case(
            "answered late",
            lambda: healthy().client("odd-1").leaves(3.0, took=1.5),
            FAIL,
            "answered after 1.500 s",
        ),
        Case(
            "cut instead",
            lambda: healthy().client("odd-1").closes(3.0).ends(3.1),
            FAIL,
            "ended by eof without an",
        ),
        Case(
            "cut as everybody is",
            lambda: healthy().client("odd-1").closes(3.0).ends(3.1).client("odd-2").ends(3.2, "reset"),
            PASS,
            "6 closes",
        ),
        Case(
            "cut long before everybody is",
            lambda: healthy().client("odd-1").closes(3.0).ends(3.1).client("odd-2").ends(3.5),
            FAIL,
            "ended by eof without an",
        ),
        Case("left open", lambda: healthy().client("odd-1").closes(3.0), FAIL, "left open without an answer"),
        Case(
            "torn down by an impatient client",
            lambda: healthy().client("odd-1").closes(3).ends(3.1, "local"),
            PASS,
            "6 closes",
        ),
        Case(
            "torn down by a patient one",
            lambda: healthy().client("odd-1").closes(3).ends(5, "local"),
            FAIL,
            "ended by local without an answer",
        ),
        Case("the record ends too soon", lambda: healthy().client("odd-1").closes(9.0), PASS, "6 closes"),
        Case("an empty close answered with 1000", lambda: leaver(1005, 1000), PASS, "7 closes"),
        Case("a hostile one", lambda: healthy().client("odd-1", hostile=True).closes(3.0), PASS, "6 closes"),
        Case(
            "a close of the server's was there before",
            lambda: healthy().client("odd-1").is_closed(6).closes(6.1),
            PASS,
            "6 closes",
        ),
        Case("before t0", lambda: healthy().client("odd-1").closes(-0.5), PASS, "6 closes"),
        Case("too few", lambda: healthy().without("leaver-1").without("leaver-2"), UNKNOWN, "only 4 closes"),
        Case("none", lambda: healthy().without("leaver"), UNKNOWN, "only 0 closes"),
        Case(
            "none, of a target that closes everyone at once and promised nothing",
            lambda: closing_at_once().under(drain_timeout_s=None),
            EXCLUDED,
            "clients were closed from t0+0.010 s on: there was no time to leave in peace",
        ),
        Case("none, though it promised a drain timeout", closing_at_once, UNKNOWN, "only 0 closes"),
        Case(
            "one wrong without any server close",
            lambda: story().client("odd-1").leaves(1, 4001, 1012),
            FAIL,
            "was answered 1012",
        ),
        Case("a pass stands whatever the lag", lambda: healthy().lags(0.5, 0.3), PASS, "6 closes"),
        Case(
            "no deadline, and the server closes at the same moment",
            lambda: without_deadline(leaver(1000, 1012, at=5.0)),
            PASS,
            "6 closes by clients answered",
        ),
        Case(
            "no deadline, and the server closes later",
            lambda: without_deadline(leaver(1000, 1012)),
            FAIL,
            "closed with 1000 and was answered 1012",
        ),
        Case(
            "no deadline, and the server closes nobody",
            lambda: without_deadline(deserted()),
            PASS,
            "6 closes by clients answered",
        ),
    ],
}


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_leaving_is_judged_by_how_and_how_soon_a_close_was_answered(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
