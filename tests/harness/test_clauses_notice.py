"""Clauses 5, 6 and 8 on literal histories."""

from __future__ import annotations

from typing import Any

import pytest

from harness.clauses import CLAUSES
from tests.harness.histories import (
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


def one_more(opened: float = -1.0, hostile: bool = False) -> Story:
    return healthy().client("odd-1", opened, hostile)


def advising(*moments: Any, **terms: Any) -> Story:
    told = story(**terms)
    for i, moment in enumerate(moments):
        told.client(f"lingerer-{i}").gets_notice(0.1, reconnect_after_s=moment)
    return told


EVEN = [i / 50 for i in range(51)]

CASES: Cases = {
    5: [
        Case("everybody told once", healthy, PASS, "68 clients got one notice, between t0+0.020 s and t0+0.049 s"),
        Case(
            "one who stays is not told",
            lambda: one_more().is_evicted(5.5),
            FAIL,
            "1 of 73 clients did not get exactly one notice, in time and in full;"
            " first odd-1 at t0+5.500 s had no notice until it was gone",
        ),
        Case("one is never told and never closed", lambda: one_more(), FAIL, "had no notice to the end"),
        Case(
            "told of another stop before",
            lambda: healthy().client("odd-1", -5.0).gets_notice(-3.0, 1.0).leaves(-2.5),
            PASS,
            "clients got one notice",
        ),
        Case(
            "told twice",
            lambda: one_more().gets_notice(0.1).gets_notice(0.2),
            FAIL,
            "odd-1 at t0+0.100 s got 2 notices",
        ),
        Case(
            "a hostile one told twice",
            lambda: one_more(hostile=True).gets_notice(0.1).gets_notice(0.2),
            FAIL,
            "got 2 notices",
        ),
        Case("a racer told twice", lambda: one_more(0.01).gets_notice(0.1).gets_notice(0.2), FAIL, "got 2 notices"),
        Case(
            "told after the close",
            lambda: one_more().is_closed(5.5).gets_notice(5.6),
            FAIL,
            "only after its close frame",
        ),
        Case(
            "the wrong time left",
            lambda: one_more().gets_notice(0.1, deadline_s=30.0),
            FAIL,
            "got a notice with 30.000 s left, and it was 4.900 s",
        ),
        Case(
            "a parent's delay is granted",
            lambda: one_more().gets_notice(0.1, 6.2).under(parent_delay_s=0.5),
            PASS,
            "69",
        ),
        Case(
            "no time left",
            lambda: one_more().gets_notice(0.1, "soon"),
            FAIL,
            "got a notice with 'soon' for the time left",
        ),
        Case("no moment", lambda: one_more().gets_notice(0.1, None, None), FAIL, "None for the moment to reconnect"),
        Case(
            "a moment in the past",
            lambda: one_more().gets_notice(0.1, None, -1),
            FAIL,
            "with -1 for the moment to reconnect",
        ),
        Case(
            "a moment that is no number",
            lambda: one_more().gets_notice(0.1, None, True),
            FAIL,
            "with True for the moment",
        ),
        Case("who leaves first need not be told", lambda: one_more().leaves(0.9), PASS, "68 clients"),
        Case("who tears its line first neither", lambda: one_more().ends(0.9, "local"), PASS, "68 clients"),
        Case(
            "who waited a second and left should have been",
            lambda: one_more().leaves(1.5),
            FAIL,
            "no notice until",
        ),
        Case(
            "cut off without a word",
            lambda: one_more().ends(0.1, "reset"),
            FAIL,
            "odd-1 at t0+0.100 s had no",
        ),
        Case("who was gone before t0", lambda: one_more().leaves(-0.5), PASS, "68 clients"),
        Case("a hostile one may not have read it", lambda: one_more(hostile=True), PASS, "68 clients"),
        Case(
            "a hostile one may have read it late",
            lambda: one_more(hostile=True).gets_notice(9.45, 4.98).lags(9.0, 0.3),
            PASS,
            "68 clients got one notice, between t0+0.020 s and t0+0.049 s",
        ),
        Case(
            "a hostile one told nonsense",
            lambda: one_more(hostile=True).gets_notice(9.45, "soon"),
            FAIL,
            "with 'soon' for the time left",
        ),
        Case("a target that stood still", lambda: healthy().stands_still(0.01, 0.1), UNKNOWN, "had stopped the target"),
        Case("nobody to tell", lambda: story(), UNKNOWN, "no client was connected at t0"),
        Case("a pass stands whatever the lag", lambda: healthy().lags(0.04, 0.3), PASS, "68 clients"),
        Case("a harness that lagged later", lambda: healthy().lags(3.0, 0.3), PASS, "68 clients"),
        Case(
            "no deadline, and any time left",
            lambda: without_deadline(story()).client("a-1").gets_notice(0.1, 1800).is_evicted(9.0),
            PASS,
            "1 clients got one notice",
        ),
        Case(
            "no deadline, and no time left",
            lambda: without_deadline(story()).client("a-1").gets_notice(0.1, "soon").is_evicted(9.0),
            FAIL,
            "got a notice with 'soon' for the time left",
        ),
        Case(
            "no deadline, and no moment",
            lambda: without_deadline(story()).client("a-1").gets_notice(0.1, 1800, "soon").is_evicted(9.0),
            FAIL,
            "got a notice with 'soon' for the moment to reconnect",
        ),
    ],
    6: [
        Case("notices, closes, exit", healthy, PASS, "first notice t0+0.020 s, 65 closes from t0+5.010 s, exit"),
        Case("notices, no closes, exit", deserted, PASS, "first notice t0+0.030 s, 0 closes, exit t0+1.700 s"),
        Case(
            "ready after a notice",
            lambda: healthy().probe("ready", 0.03, 200),
            FAIL,
            "1 of 42 readiness probes were answered 200 after the first notice (t0+0.020 s); first a probe at t0+0.030",
        ),
        Case(
            "closed before anybody was told",
            lambda: one_more().is_evicted(0.01),
            FAIL,
            "1 of 66 closes by the server came before the first notice (t0+0.020 s); first odd-1 at t0+0.010 s",
        ),
        Case(
            "closed, and nobody told at all",
            lambda: story().client("lingerer-1").is_evicted(0.01).exits(0.2),
            FAIL,
            "before any notice: there was none",
        ),
        Case(
            "a slow consumer dropped before the notices",
            lambda: healthy().client("stalled-reader-9", hostile=True).is_evicted(0.01, 1008),
            PASS,
            "first notice",
        ),
        Case(
            "a client that outlives the exit",
            lambda: one_more().gets_notice(0.1).is_evicted(9.6),
            FAIL,
            "1 of 72 clients",
        ),
        Case(
            "an end seen just after the exit",
            lambda: one_more().gets_notice(0.1).is_evicted(9.42),
            PASS,
            "exit t0+9.400",
        ),
        Case(
            "an end seen after the exit by a harness that lagged",
            lambda: one_more().gets_notice(0.1).is_evicted(9.5).lags(9.49, 0.1),
            PASS,
            "exit t0+9.400",
        ),
        Case(
            "an end seen several turns after the exit by a harness that lagged in each",
            lambda: one_more().gets_notice(0.1).is_evicted(9.7).lags(9.46, 0.09).lags(9.56, 0.09).lags(9.66, 0.09),
            PASS,
            "exit t0+9.400",
        ),
        Case(
            "an end seen later after the exit than the harness lagged",
            lambda: one_more().gets_notice(0.1).is_evicted(9.8).lags(9.46, 0.09).lags(9.56, 0.09).lags(9.66, 0.09),
            FAIL,
            "1 of 72 clients",
        ),
        Case(
            "a line torn by the client after the exit",
            lambda: one_more().gets_notice(0.1).ends(9.6, "local"),
            PASS,
            "exit",
        ),
        Case("no exit", lambda: healthy().without("target", "exited"), UNKNOWN, "did not exit"),
        Case(
            "an exit that took a kill",
            lambda: healthy().without("target", "exited").gives_up(30.0).exits(30.1, -9),
            UNKNOWN,
            "did not exit",
        ),
        Case("nothing to order", lambda: story().exits(0.1), UNKNOWN, "no notice and no close"),
    ],
    8: [
        Case("spread evenly", healthy, PASS, "71 moments up to 2.479 s in a window of 2.500 s, 0.0"),
        Case(
            "a burst",
            lambda: advising(*[1.0] * 60),
            FAIL,
            "60 moments up to 1.000 s in a window of 2.500 s, 0.600",
        ),
        Case("the first half only", lambda: advising(*EVEN), FAIL, "0.600 from an even spread (limit 0.350)"),
        Case(
            "an even spread over what it was",
            lambda: advising(*EVEN, reconnect_window_s=None),
            PASS,
            "1.000 s",
        ),
        Case("all at once", lambda: advising(*[0] * 60, reconnect_window_s=None), FAIL, "1.000 from an even"),
        Case(
            "outside the window",
            lambda: advising(*EVEN, 3.0),
            FAIL,
            "1 of 52 advised moments lie outside the window of 2.500 s;"
            " first lingerer-51 at t0+0.100 s was given 3.000",
        ),
        Case("before the window", lambda: advising(*EVEN, -0.1), FAIL, "was given -0.100 s"),
        Case("one of few outside", lambda: advising(1, 2, 3), FAIL, "1 of 3 advised moments lie outside"),
        Case("few without a moment", lambda: advising(1, None), FAIL, "1 of 2 notices advised no moment to reconnect"),
        Case(
            "no moments",
            lambda: advising(*[None] * 60),
            FAIL,
            "60 of 60 notices advised no moment to reconnect; first lingerer-0 at t0+0.100 s was given none",
        ),
        Case("sixty clients, nobody told", lambda: healthy().without(what="notice"), FAIL, "none of 62 clients"),
        Case(
            "few clients, nobody told", lambda: story().client("lingerer-1").is_evicted(5.5), FAIL, "none of 1 clients"
        ),
        Case("no clients", lambda: story(), UNKNOWN, "only 0 notices"),
        Case(
            "a burst in an even spread",
            lambda: advising(*[2.5 * i / 100 for i in range(100)], *[1.2505] * 11),
            FAIL,
            "111 moments up to 2.475 s in a window of 2.500 s, 0.058 from an even spread (limit 0.237);"
            " 13 of them in the 0.025 s from 1.250 s on (limit 12)",
        ),
        Case(
            "a broader one",
            lambda: advising(*[2.5 * i / 100 for i in range(100)], *[1.25 + i / 200 for i in range(22)]),
            FAIL,
            "27 of them in the 0.125 s from",
        ),
        Case(
            "what chance allows", lambda: advising(*[2.5 * i / 100 for i in range(100)], *[1.2505] * 9), PASS, "14 at m"
        ),
        Case(
            "five of six at once", lambda: advising(*[1.0] * 6, 2.0), FAIL, "6 of them in the 0.025 s from 1.000 s on"
        ),
        Case(
            "too few notices",
            lambda: advising(*[2.5 * moment for moment in EVEN[:49]]),
            UNKNOWN,
            "only 49 notices, and a verdict needs 50",
        ),
    ],
}


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_the_notice_is_judged_by_who_had_it_when_and_what_it_said(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
