"""Clauses 12, 13 and 15 on literal histories."""

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
    forced,
    healthy,
    story,
    without_deadline,
)


def odd_one(opened: float = -1.0, hostile: bool = False) -> Story:
    return healthy().client("odd-1", opened, hostile)


def at_fault(persona: str) -> Story:
    return healthy().client(f"{persona}-9", hostile=True)


def evicting(*times: float, pace: float = 2.0, code: int = 1012) -> Story:
    told = story(evict_per_s=pace)
    for i, t in enumerate(times):
        told.client(f"lingerer-{i}").is_evicted(t, code)
    return told


CASES: Cases = {
    12: [
        Case(
            "nobody closed before the deadline",
            healthy,
            PASS,
            "65 clients stayed until the deadline (t0+5.000 s), the first close by the server came at t0+5.010 s",
        ),
        Case(
            "closed a moment early",
            lambda: odd_one().is_evicted(4.99),
            FAIL,
            "1 of 72 clients were closed before the deadline (t0+5.000 s); first odd-1 at t0+4.990 s with 1012",
        ),
        Case(
            "a racer closed early",
            lambda: odd_one(0.01).is_evicted(2.0),
            FAIL,
            "odd-1 at t0+2.000 s with 1012",
        ),
        Case("cut without a close frame", lambda: odd_one().ends(2, "reset"), FAIL, "without a close frame"),
        Case("a fault that nobody committed", lambda: odd_one().is_evicted(2.0, 1008), FAIL, "with 1008"),
        Case("a slow consumer", lambda: at_fault("stalled-reader").is_evicted(2.0, 1013), PASS, "65 clients"),
        Case("a slow consumer cut off", lambda: at_fault("stalled-reader").ends(2.0, "reset"), PASS, "65 clients"),
        Case("a dead peer", lambda: at_fault("half-open").ends(2.0, "reset"), PASS, "65 clients"),
        Case("who answers no ping", lambda: at_fault("ping-ignorer").is_evicted(2.0, 1011), PASS, "65 clients"),
        Case("and is told of another fault", lambda: at_fault("ping-ignorer").is_evicted(2, 1009), FAIL, "with 1009"),
        Case("or of none", lambda: at_fault("ping-ignorer").is_evicted(2.0), FAIL, "1 of 72 clients were closed"),
        Case(
            "before it ignores a close", lambda: at_fault("close-ignorer").is_closed(4.9), FAIL, "ignorer-9 at t0+4.9"
        ),
        Case("or cut off", lambda: at_fault("close-ignorer").ends(2.0), FAIL, "at t0+2.000 s without a close frame"),
        Case("who closes first is not closed", lambda: odd_one().leaves(2.0), PASS, "65 clients"),
        Case("frames that cross", lambda: odd_one().leaves(2.0, 1000, 1012), PASS, "65 clients"),
        Case("its close is answered by a cut", lambda: odd_one().closes(2.0).ends(2.1), PASS, "65 clients"),
        Case(
            "cut, and only then closed by its client",
            lambda: odd_one().ends(2).closes(2.1),
            FAIL,
            "odd-1 at t0+2.0",
        ),
        Case("who tears its own line", lambda: odd_one().ends(2.0, "local"), PASS, "65 clients"),
        Case("closed before t0", lambda: at_fault("ping-ignorer").is_evicted(-0.5, 1011), PASS, "65 clients"),
        Case("for a fault that nobody did", lambda: odd_one().is_evicted(-0.5, 1009), FAIL, "t0-0.500 s with 1009"),
        Case(
            "closed before t0 for no fault",
            lambda: odd_one().is_evicted(-0.5),
            FAIL,
            "1 of 72 clients were closed before the deadline (t0+5.000 s); first odd-1 at t0-0.500 s with 1012",
        ),
        Case("cut before t0", lambda: odd_one().ends(-0.5, "reset"), FAIL, "odd-1 at t0-0.500 s without a close frame"),
        Case("a dead peer before t0", lambda: at_fault("half-open").ends(-0.5, "reset"), PASS, "65 clients"),
        Case(
            "cut with a worker that was killed",
            lambda: healthy().kills_the_worker_of(-0.6, 7).client("odd-1", port=7).ends(-0.5, "reset"),
            PASS,
            "65 clients",
        ),
        Case(
            "cut although another worker held it",
            lambda: healthy().kills_the_worker_of(-0.6, 8).client("odd-1", port=7).ends(-0.5, "reset"),
            FAIL,
            "odd-1 at t0-0.500 s without a close frame",
        ),
        Case(
            "cut with a worker that is killed in the drain",
            lambda: healthy().kills_the_worker_of(1.0, 7).client("odd-1", port=7).ends(1.01, "reset"),
            PASS,
            "65 clients",
        ),
        Case(
            "a worker's own deadline", lambda: odd_one(-5.0).gets_notice(-3.0, 2.0).is_evicted(-1.0), PASS, "65 clients"
        ),
        Case(
            "before a worker's deadline",
            lambda: odd_one(-5).gets_notice(-3.0, 2.0).is_evicted(-1.3),
            FAIL,
            "t0-1.300 s",
        ),
        Case(
            "a deadline that is none",
            lambda: odd_one(-5).gets_notice(-3.0, "soon").is_evicted(-1.0),
            FAIL,
            "t0-1.000 s",
        ),
        Case(
            "closed on time",
            lambda: odd_one().is_evicted(5.0),
            PASS,
            "first close by the server came at t0+5.000",
        ),
        Case(
            "nobody was ever closed",
            lambda: story().client("a-1").client("a-2").client("a-3").gives_up(20.0),
            PASS,
            "3 clients stayed until the deadline (t0+5.000 s), none was closed",
        ),
        Case(
            "after an operator's force",
            forced,
            PASS,
            "6 clients stayed until the operator's force (t0+2.000 s), the fi",
        ),
        Case(
            "before an operator's force",
            lambda: forced().client("odd-1").is_evicted(1.9),
            FAIL,
            "1 of 7 clients were closed before the operator's force (t0+2.000 s); first odd-1 at t0+1.900 s with 1012",
        ),
        Case("everybody left early", deserted, UNKNOWN, "only 0 clients that stayed"),
        Case("the record ends before the deadline", lambda: healthy().until(4.9), UNKNOWN, "only 0 clients"),
        Case(
            "no deadline",
            lambda: without_deadline(odd_one().is_evicted(0.1)),
            EXCLUDED,
            "promises no drain timeout: declare drain_timeout_s (--drain-timeout S), or drain_timeout_env if it",
        ),
    ],
    13: [
        Case(
            "1012 and a complete handshake",
            healthy,
            PASS,
            "65 clients got 1012 and a complete closing handshake",
        ),
        Case(
            "another code",
            lambda: odd_one().is_evicted(6.0, 1001),
            FAIL,
            "1 of 66 clients did not get 1012 and a complete closing handshake;"
            " first odd-1 at t0+6.000 s was closed with 1001",
        ),
        Case("an early close too needs 1012", lambda: odd_one().is_evicted(2.0, 1006), FAIL, "closed with 1006"),
        Case(
            "cut without a close frame",
            lambda: odd_one().ends(6.0),
            FAIL,
            "ended by eof without a close frame",
        ),
        Case(
            "TCP ends before the answer",
            lambda: odd_one().is_closed(6.0).ends(6.01).answers_the_close(6.02),
            FAIL,
            "was ended by eof after the close frame, before its answer",
        ),
        Case(
            "no answer in the whole close timeout",
            lambda: odd_one().is_closed(6.0).ends(7.0, "reset"),
            PASS,
            "65 clients got 1012",
        ),
        Case(
            "no answer in the second in which clients answer where no close timeout is declared",
            lambda: odd_one().is_closed(6.0).ends(7.0).under(close_timeout_s=None),
            PASS,
            "65 clients got 1012",
        ),
        Case(
            "a late answer, and the end a moment before the close timeout",
            lambda: odd_one().is_closed(6.0).ends(6.9).answers_the_close(6.95),
            FAIL,
            "was ended by eof after the close frame, before its answer",
        ),
        Case(
            "the same, with a close frame that a harness that lagged saw late",
            lambda: odd_one().lags(6.0, 0.12).about("odd-1").is_closed(6.0).ends(6.9).answers_the_close(6.95),
            UNKNOWN,
            "the harness itself lagged 0.120 s between t0+6.000 s and t0+6.900 s, more than a quarter of 0.200 s",
        ),
        Case(
            "lag that explains a part of it only",
            lambda: odd_one().lags(6.0, 0.12).about("odd-1").is_closed(6.0).ends(6.5),
            FAIL,
            "was ended by eof after the close frame, before its answer",
        ),
        Case(
            "no time for an answer",
            lambda: odd_one().is_closed(6.0).ends(6.01, "reset"),
            FAIL,
            "reset after the close frame, before its answer",
        ),
        Case(
            "reset after the answer",
            lambda: odd_one().is_closed(6.0).answers_the_close(6.01).ends(6.02, "reset"),
            FAIL,
            "was ended by reset after its answer",
        ),
        Case(
            "another code that is declared",
            lambda: odd_one().is_evicted(6.0, 4000).under(close_codes=(1012, 4000)),
            PASS,
            "66 clients got 1012 or 4000",
        ),
        Case(
            "1001 for everybody, undeclared",
            lambda: evicting(6.0, 6.1, 6.2, code=1001).under(close_codes=None),
            PASS,
            "3 clients got 1001",
        ),
        Case(
            "1001 for some and 1012 for others, undeclared",
            lambda: odd_one().is_evicted(6.0, 1001).under(close_codes=None),
            FAIL,
            "1 of 66 clients did not get 1012 and a complete closing handshake; first odd-1 at t0+6.000 s was closed",
        ),
        Case(
            "another code than both, undeclared",
            lambda: evicting(6.0, 6.1, 6.2, code=1000).under(close_codes=None),
            FAIL,
            "3 of 3 clients did not get 1012 or 1001 and a complete closing handshake; first lingerer-0",
        ),
        Case(
            "without a code, undeclared",
            lambda: evicting(6.0, 6.1, 6.2, code=1005).under(close_codes=None),
            FAIL,
            "first lingerer-0 at t0+6.000 s was closed without a code (1005)",
        ),
        Case(
            "without a code, as declared",
            lambda: evicting(6.0, 6.1, 6.2, code=1005).under(close_codes=(1005,)),
            PASS,
            "3 clients got 1005",
        ),
        Case(
            "one that hung is named before many that were merely closed with another code",
            lambda: evicting(6.0, 6.1, 6.2, code=1001).client("cut-1").ends(6.4).client("odd-1").client("odd-2"),
            FAIL,
            "6 of 6 clients did not get 1012 and a complete closing handshake;"
            " 2 times: first odd-1 at t0+5.000 s was never closed;"
            " 1 time: first cut-1 at t0+6.400 s was ended by eof without a close frame;"
            " 3 times: first lingerer-0 at t0+6.000 s was closed with 1001",
        ),
        Case("never closed", lambda: odd_one(), FAIL, "odd-1 at t0+5.000 s was never closed"),
        Case(
            "never closed, and torn down by the harness when it gave up",
            lambda: (
                healthy().without("target", "exited").gives_up(20).client("odd-1").about("odd-1").ends(20.1, "local")
            ),
            FAIL,
            "odd-1 at t0+5.000 s was never closed",
        ),
        Case(
            "left connected",
            lambda: odd_one().is_closed(6).answers_the_close(6.01),
            FAIL,
            "was left connected",
        ),
        Case("after an operator's force", forced, PASS, "6 clients got 1012"),
        Case("missed by an operator's force", lambda: forced().client("odd-1"), FAIL, "odd-1 at t0+2.000 s was never"),
        Case("who leaves after the deadline", lambda: odd_one().leaves(6.0), PASS, "65 clients"),
        Case("a hostile one", lambda: odd_one(hostile=True).ends(9.0, "reset"), PASS, "65 clients"),
        Case("joined after the deadline", lambda: odd_one(6.0), PASS, "65 clients"),
        Case(
            "the record ends before the deadline",
            lambda: healthy().until(4.9),
            UNKNOWN,
            "only 0 reading clients",
        ),
        Case("too few", lambda: evicting(6.0, 6.1), UNKNOWN, "only 2 reading clients"),
        Case("no deadline", lambda: without_deadline(evicting(0.1, 0.2, 0.3)), PASS, "3 clients got 1012"),
        Case(
            "no deadline, and everybody sent home",
            lambda: without_deadline(deserted()).sends_home(2.0),
            UNKNOWN,
            "had closed 0 reading clients when the harness sent its clients home at t0+2.000 s: the target promises no",
        ),
        Case("no deadline, and another code", lambda: without_deadline(evicting(0.1, code=1000)), FAIL, "with 1000"),
        Case(
            "no deadline, and nobody was closed",
            lambda: without_deadline(story()).client("a-1").gives_up(60.1),
            UNKNOWN,
            "only 0 reading clients closed by the server",
        ),
    ],
    15: [
        Case("within the pace", healthy, PASS, "24 closes in the second from t0+7.168 s (limit 40), 65 in all"),
        Case("exactly twice the pace", lambda: evicting(5, 5.1, 5.2, 5.3, 8.5), PASS, "4 closes in the second"),
        Case(
            "a cliff",
            lambda: evicting(5, 6.5, 6.6, 6.7, 6.8, 7.499, 9.0),
            FAIL,
            "5 closes in the second from t0+6.500 s (limit 4), 7 in all over 4.000 s",
        ),
        Case("a limit in whole closes", lambda: evicting(5, 5.1, 5.2, 8.5, pace=1.9), PASS, "(limit 3), 4 in all"),
        Case("one more", lambda: evicting(5, 5.1, 5.2, 5.3, 8.5, pace=1.9), FAIL, "5.000 s (limit 3), 5 in all"),
        Case("one is always allowed", lambda: evicting(5, 6, 7, 8.5, pace=0.4), PASS, "1 closes in the second"),
        Case("but not two", lambda: evicting(5, 5.9, 7, 8.5, pace=0.4), FAIL, "(limit 1), 4 in all"),
        Case("a cliff in a short eviction", lambda: evicting(5, 5, 5, 5, 5), FAIL, "5 closes in the second"),
        Case("batches a second apart", lambda: evicting(5, 5, 5, 5, 6, 6, 6, 6, 7, 8.5), PASS, "4 closes"),
        Case("connections cut at once", lambda: resets_at_once(), FAIL, "5 closes in the second"),
        Case(
            "hostile clients aborted at the end are no part of it",
            lambda: hostile_at_once(lambda told: told.ends(9.0, "reset")),
            PASS,
            "24 closes",
        ),
        Case(
            "nor are those who were at fault",
            lambda: hostile_at_once(lambda told: told.is_evicted(6.0, 1011)),
            PASS,
            "24 closes",
        ),
        Case(
            "hostile clients told to go are",
            lambda: hostile_at_once(lambda told: told.is_closed(6.0)),
            FAIL,
            "closes in the second",
        ),
        Case(
            "what hostile clients read after the exit is no part of it",
            lambda: hostile_at_once(lambda told: told.is_closed(9.45)),
            PASS,
            "24 closes",
        ),
        Case(
            "an operator forces the rest", lambda: evicting(5, 6, 7, 8.5, 9, 9, 9, 9, 9).ctrl_c(8.9), PASS, "4 in all"
        ),
        Case("a short eviction", lambda: evicting(5, 6, 7), UNKNOWN, "and a verdict needs 3.000 s"),
        Case("nobody closed", deserted, UNKNOWN, "only 0 closes by the server"),
        Case(
            "everybody sent home before anybody was closed",
            lambda: without_deadline(deserted()).under(evict_per_s=9).sends_home(2.0),
            UNKNOWN,
            "sent its clients home at t0+2.000 s",
        ),
        Case("no pace declared", lambda: healthy().under(evict_per_s=None), EXCLUDED, "declares no pace"),
        Case("so few that no lag hides more", lambda: healthy().lags(6.0, 0.3), PASS, "24 closes"),
        Case("a harness that lagged before", lambda: healthy().lags(3.0, 0.3), PASS, "24 closes"),
    ],
}


def resets_at_once() -> Story:
    told = story(evict_per_s=2.0)
    for i in range(5):
        told.client(f"lingerer-{i}").ends(5.0, "reset")
    return told


def hostile_at_once(then: object) -> Story:
    told = healthy()
    for i in range(45):
        told.client(f"half-open-{i + 2}", hostile=True)
        assert callable(then)
        then(told)
    return told


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_closing_is_judged_by_who_was_closed_when_and_how(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
