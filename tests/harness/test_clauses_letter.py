"""Clause 35 on literal histories."""

from __future__ import annotations

import pytest

from harness.clauses import CLAUSES
from tests.harness.histories import FAIL, PASS, UNKNOWN, Case, Cases, Story, check, each, healthy, story
from tests.harness.resume_runs import healthy_deploy

AFTER = "sent a text after its close frame"
NOT_UTF8 = "sent a text that is not UTF-8"


def odd_one() -> Story:
    return healthy().client("odd-1")


CASES: Cases = {
    35: [
        Case("nothing wrong", healthy, PASS, "72 connections were sent nothing that RFC 6455 forbids"),
        Case(
            "a text after the close frame",
            lambda: odd_one().is_closed(6.0).is_sent(6.01, AFTER).answers_the_close(6.02).ends(6.03),
            FAIL,
            "1 of 73 connections were sent what RFC 6455 forbids;"
            " first odd-1 at t0+6.010 s sent a text after its close frame",
        ),
        Case(
            "of several on one connection the first",
            lambda: odd_one().is_sent(1.0, NOT_UTF8).is_sent(6.01, AFTER),
            FAIL,
            "1 of 73 connections were sent what RFC 6455 forbids; first odd-1 at t0+1.000 s sent a text that is not",
        ),
        Case(
            "the same before and after t0, for a server that never knew better",
            lambda: odd_one().is_sent(-0.5, NOT_UTF8).is_sent(0.5, NOT_UTF8),
            FAIL,
            "first odd-1 at t0+0.500 s",
        ),
        Case("before t0", lambda: odd_one().is_sent(-0.5, NOT_UTF8), PASS, "73 connections"),
        Case(
            "a host of several, whose client had moved there",
            lambda: healthy_deploy().about("reconnecting-5/2").is_sent(6.0, AFTER),
            FAIL,
            "sent a text after its close frame",
        ),
        Case("few connections", lambda: story().client("a-1").client("a-2"), UNKNOWN, "only 2 connections from t0 on"),
        Case(
            "few connections and one of them wrong",
            lambda: story().client("a-1").is_sent(1.0, AFTER),
            FAIL,
            "1 of 1 connections",
        ),
        Case(
            "connections that ended before t0",
            lambda: story().client("a-1").ends(-0.5).client("a-2").client("a-3"),
            UNKNOWN,
            "only 2 connections",
        ),
        Case("no signal", lambda: healthy().without("target", "signal"), UNKNOWN, "never told to stop"),
    ]
}


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_the_letter_is_judged_by_what_was_sent(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
