"""Clause 28 on literal histories."""

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
)


def reporting(*counts: object) -> Story:
    return healthy().without("target", "line").reports(9.26, *counts)


def one_more(*counts: object, hostile: bool = False, opened: float = -1.0) -> Story:
    return reporting(*counts).client("odd-1", opened, hostile)


def closed_slowly(*counts: object) -> Story:
    return one_more(*counts).is_closed(6.0).answers_the_close(6.9).ends(6.95)


def two_workers(one: tuple[object, ...], two: tuple[object, ...], second: int = 2) -> Story:
    told = healthy().without("target", "line").under(processes=2)
    return told.reports(9.2, *one, worker=1).reports(9.26, *two, worker=second)


def says(text: str) -> Story:
    return healthy().without("target", "line").prints(9.26, text)


CASES: Cases = {
    28: [
        Case(
            "as the clients count", healthy, PASS, "present 69, raced_in 3, left 6, closed 65, aborted 1, as 72 clients"
        ),
        Case("everybody left", deserted, PASS, "left 6, closed 0, aborted 0, as 6 clients count it"),
        Case("forced", forced, PASS, "closed 6, aborted 1"),
        Case(
            "a sum that is wrong",
            lambda: reporting(69, 3, 6, 64, 1),
            FAIL,
            "present + raced_in is 72, and left + closed",
        ),
        Case("somebody forgotten", lambda: reporting(62, 3, 0, 65, 0), FAIL, "present + raced_in is 65, and the cl"),
        Case("closed for left", lambda: reporting(69, 3, 5, 66, 1), FAIL, "closed is 66, and the clients count 65"),
        Case("aborted for closed", lambda: reporting(69, 3, 6, 64, 2), FAIL, "closed is 64, and the clients count 65"),
        Case("a stalled one may have been at fault", lambda: reporting(69, 3, 7, 65, 0), PASS, "aborted 0"),
        Case("a dead peer left", lambda: one_more(70, 3, 7, 65, 1, hostile=True).is_evicted(3, 1011), PASS, "left 7"),
        Case("another code", lambda: one_more(70, 3, 6, 65, 2).is_evicted(6, 1001), PASS, "aborted 2"),
        Case("cut without a word", lambda: one_more(70, 3, 6, 65, 2).ends(6.0, "reset"), PASS, "aborted 2"),
        Case(
            "cut, and called left",
            lambda: one_more(70, 3, 8, 65, 0).ends(6.0),
            FAIL,
            "aborted is 0, and the clients co",
        ),
        Case("never answered", lambda: one_more(70, 3, 6, 65, 2, hostile=True).is_closed(6.0), PASS, "aborted 2"),
        Case("never answered, and called closed", lambda: one_more(70, 3, 6, 66, 1).is_closed(6), FAIL, "closed is 66"),
        Case("answered at the last moment", lambda: closed_slowly(70, 3, 6, 65, 2), PASS, "aborted 2"),
        Case("answered at the very last moment", lambda: closed_slowly(70, 3, 6, 66, 1), PASS, "closed 66"),
        Case("vanished", lambda: one_more(70, 3, 7, 65, 1, hostile=True).ends(2.0, "local"), PASS, "left 7"),
        Case("vanished as others are closed", lambda: one_more(70, 3, 6, 65, 2).ends(6.0, "local"), PASS, "aborted 2"),
        Case("frames that crossed", lambda: one_more(70, 3, 6, 66, 1).leaves(6.0, 1000, 1012), PASS, "closed 66"),
        Case(
            "what is read after the exit",
            lambda: one_more(70, 3, 6, 65, 2, hostile=True).is_evicted(9.45),
            PASS,
            "aborted 2",
        ),
        Case("gone just as it began", lambda: one_more(69, 3, 6, 65, 1).leaves(0.1), PASS, "left 6"),
        Case("notified just then", lambda: one_more(69, 3, 6, 65, 1).gets_notice(0.05).leaves(0.1), PASS, "left 6"),
        Case(
            "notified before",
            lambda: one_more(69, 3, 6, 65, 1).gets_notice(0.05).leaves(0.2),
            FAIL,
            "raced_in is 72, and",
        ),
        Case("gone just before, and counted", lambda: one_more(70, 3, 7, 65, 1).leaves(-0.1), PASS, "left 7"),
        Case("gone long before", lambda: one_more(70, 3, 7, 65, 1).leaves(-0.5), FAIL, "present + raced_in is 73"),
        Case("gone, and its end unseen", lambda: one_more(70, 3, 7, 65, 1).closes(-0.5), PASS, "left 7"),
        Case(
            "one report a worker",
            lambda: two_workers((40, 1, 2, 38, 1), (29, 2, 4, 27, 0)),
            PASS,
            "present 69, raced_in 3, left 6, closed 65, aborted 1, as 72 clients",
        ),
        Case(
            "a worker that miscounts",
            lambda: two_workers((40, 1, 2, 38, 1), (29, 2, 4, 26, 0)),
            FAIL,
            "present + raced_in is 31, and left + closed + aborted is 30",
        ),
        Case(
            "two that count too many together",
            lambda: two_workers((41, 1, 2, 39, 1), (29, 2, 4, 27, 0)),
            FAIL,
            "closed is 66, and the clients count 65",
        ),
        Case(
            "a worker without a report",
            lambda: healthy().under(processes=2),
            FAIL,
            "1 final reports of 1 of 2 processes",
        ),
        Case(
            "a worker that reports twice",
            lambda: two_workers((40, 1, 2, 38, 1), (29, 2, 4, 27, 0), second=1),
            FAIL,
            "2 final reports of 1 of 2 processes",
        ),
        Case(
            "three reports of two workers",
            lambda: two_workers((40, 1, 2, 38, 1), (29, 2, 4, 27, 0)).reports(9.3, 0, 0, 0, 0, 0, worker=3),
            FAIL,
            "3 final reports (limit 2)",
        ),
        Case("two reports", lambda: healthy().reports(9.3, 69, 3, 6, 65, 1), FAIL, "2 final reports (limit 1)"),
        Case("a report before t0", lambda: healthy().reports(-1.0, 0, 0, 0, 0, 0), PASS, "closed 65"),
        Case("no report", lambda: says("INFO: bye"), FAIL, "no final report was printed after t0"),
        Case("it did not go", lambda: says("x").without("target", "exited").gives_up(20), FAIL, "no final report was"),
        Case(
            "half a report",
            lambda: says('{"event": "drain.report"}'),
            FAIL,
            "counts no present, raced_in, left, closed",
        ),
        Case("a number that is none", lambda: reporting("69", 3, 6, 65, 1), FAIL, "the final report counts no present"),
        Case("words about a report", lambda: says("drain.report follows"), FAIL, "no final report"),
        Case("not JSON", lambda: says('{"event": "drain.report"'), FAIL, "no final report"),
        Case("not an event", lambda: says('{"about": "drain.report"}'), FAIL, "no final report"),
        Case(
            "nobody there", lambda: story().reports(0.1, 0, 0, 0, 0, 0).exits(0.2), UNKNOWN, "no client was connected"
        ),
        Case("not watched to the end", lambda: healthy().until(9.3), UNKNOWN, "not watched until it exited"),
        Case("no output", lambda: healthy().without("target", "line"), UNKNOWN, "no output of the target was captured"),
        Case("no output declared", lambda: healthy().under(logs=False), EXCLUDED, "declares no final report"),
        Case("none declared", lambda: healthy().under(report=False), EXCLUDED, "declares no final report"),
        Case("X undeclared", lambda: healthy().under(close_timeout_s=None), PASS, ""),
    ],
}


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_the_account_is_judged_by_the_clients_own_count(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
