"""Clauses 21 to 26 on literal histories."""

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
    each,
    forced,
    healthy,
    story,
    without_deadline,
)


def storm(signals: int = 100, to: str = "process") -> Story:
    told = healthy()
    for i in range(signals):
        told.signal(0.1 + i / 50, to=to)
    return told


def odd_one(told: Story) -> Story:
    return told.client("odd-1")


def instead_of_the_signal(told: Story) -> Story:
    return told.without("target", "signal")


def pressed() -> Story:
    return instead_of_the_signal(healthy()).ctrl_c(0.0).signal(0.4)


def in_startup(exit_at: float | None = 0.2, status: int = -15) -> Story:
    told = story().prints(-0.1, "INFO:     Waiting for application startup.")
    return told if exit_at is None else told.exits(exit_at, status)


def limited() -> Story:
    return instead_of_the_signal(healthy()).about("target").add(0.0, "cause", cause="request limit")


def standing_still(start: float = 4.0, end: float = 6.5, first: float = 6.55, pace: float = 2.0) -> Story:
    told = story(evict_per_s=pace).stands_still(start, end)
    for i in range(8):
        told.client(f"lingerer-{i}").gets_notice(0.03).is_evicted(first + i / 2)
    return told.exits(11.0)


def nobody_is_closed(told: Story) -> Story:
    for i in range(3):
        told.client(f"lingerer-{i}").gets_notice(0.03)
    return told.gives_up(20.0)


def storm_alone() -> Story:
    told = story()
    for i in range(100):
        told.signal(0.1 + i / 50)
    return told


def in_steps(first: float, step: float) -> Story:
    told = storm_alone()
    for i in range(4):
        told.client(f"lingerer-{i}").gets_notice(0.03).is_evicted(first + i * step)
    return told.exits(first + 4 * step)


def storm_alone_and_nobody() -> Story:
    return storm_alone().exits(6.0)


def evicted_at(told: Story, t: float) -> Story:
    for i in range(3):
        told.client(f"lingerer-{i}").gets_notice(0.03).is_evicted(t)
    return told.exits(t + 0.1)


def everybody_leaves(told: Story) -> Story:
    for i in range(3):
        told.client(f"lingerer-{i}").gets_notice(0.03).leaves(5.1)
    return told.exits(5.2)


def ended(told: Story, close: bool = True, status: int = 0) -> Story:
    """A target that promises nothing is done with all its clients soon after it was told to stop."""
    for i in range(3):
        told.client(f"a-{i}")
        told = told.is_evicted(0.1) if close else told.ends(0.1)
    return told.exits(0.2, status)


CASES: Cases = {
    21: [
        Case(
            "a hundred change nothing",
            storm,
            PASS,
            "100 further SIGTERMs changed nothing; the first close by the server came at t0+5.010 s (limit t0+5.303 s);"
            " drained or evicted, it exited with 0 at t0+9.400 s",
        ),
        Case(
            "told twice",
            lambda: odd_one(storm()).gets_notice(0.1).gets_notice(0.2),
            FAIL,
            "odd-1 at t0+0.200 s got 2 notices",
        ),
        Case(
            "closed early", lambda: odd_one(storm()).is_evicted(2.0), FAIL, "1 of 72 clients were closed before the dea"
        ),
        Case(
            "a deadline that moved",
            lambda: nobody_is_closed(storm_alone()),
            FAIL,
            "no client was closed (limit t0+5.250 s)",
        ),
        Case(
            "a deadline that moved a little",
            lambda: evicted_at(storm_alone(), 5.26),
            FAIL,
            "the first close by the server came at t0+5.260 s (limit t0+5.250 s)",
        ),
        Case("a server that looks at its clock in steps", lambda: in_steps(5.4, 0.2), PASS, "(limit t0+5.450 s)"),
        Case("but not in such steps", lambda: in_steps(5.5, 0.2), FAIL, "at t0+5.500 s (limit t0+5.450 s)"),
        Case("whatever the steps, a second is a move", lambda: in_steps(6.1, 0.9), FAIL, "(limit t0+6.000 s)"),
        Case(
            "another exit status",
            lambda: storm().without("target", "exited").exits(9.4, -15),
            FAIL,
            "it exited with -15 at t0+9.400 s, not 0",
        ),
        Case(
            "everybody left just in time",
            lambda: everybody_leaves(storm_alone()),
            UNKNOWN,
            "no client stayed until t0+5.250 s",
        ),
        Case("nobody stayed", storm_alone_and_nobody, UNKNOWN, "only 0 clients that stayed"),
        Case(
            "closed early with one more", lambda: odd_one(storm(1)).is_evicted(2.0), FAIL, "1 of 72 clients were closed"
        ),
        Case(
            "nobody stayed, and another exit status",
            lambda: storm_alone().is_up(-1).exits(6, 3),
            FAIL,
            "exited with 3 at t0+6.000 s, not 0",
        ),
        Case("only 99", lambda: storm(99), UNKNOWN, "only 99 further SIGTERMs before the deadline (t0+5.000 s)"),
        Case("other signals", lambda: instead_of_the_signal(storm()).ctrl_c(0.0), UNKNOWN, "only 0 further"),
        Case("not watched to the end", lambda: storm().until(7.0), UNKNOWN, "did not exit by itself"),
        Case("a pass stands whatever the lag", lambda: storm().lags(5.5, 0.3), PASS, "changed nothing"),
        Case("a target that stood still", lambda: storm().stands_still(4.0, 5.5), UNKNOWN, "had stopped the target"),
        Case(
            "no deadline",
            lambda: ended(without_deadline(story()).signal(0.01)),
            PASS,
            "1 further SIGTERMs changed nothing; 3 clients were closed, once each; drained or evicted, it exited",
        ),
        Case(
            "no deadline, and cut off",
            lambda: ended(without_deadline(story()).signal(0.01), close=False),
            FAIL,
            "3 of 3 clients were not closed, but cut off; first a-0 at t0+0.100 s was ended without a close frame",
        ),
        Case(
            "no deadline, and another status",
            lambda: ended(without_deadline(story()).signal(0.01), status=1),
            FAIL,
            "exited with 1",
        ),
        Case(
            "no deadline, and no other signal before the exit",
            lambda: ended(without_deadline(story())).signal(0.3),
            UNKNOWN,
            "only 0 further SIGTERMs before the exit",
        ),
    ],
    22: [
        Case(
            "counted as one", pressed, PASS, "SIGINT at t0+0.000 s and SIGTERM at t0+0.400 s counted as one; the first"
        ),
        Case("told twice", lambda: odd_one(pressed()).gets_notice(0.1).gets_notice(0.2), FAIL, "got 2 notices"),
        Case("closed early", lambda: odd_one(pressed()).is_evicted(1.0), FAIL, "were closed before the deadline"),
        Case(
            "taken for a force",
            lambda: pressed().without("target", "exited").exits(9.4, 130),
            FAIL,
            "exited with 130 at t0+9.400 s, not 0",
        ),
        Case("no Ctrl+C", healthy, UNKNOWN, "no SIGINT was sent to the process group"),
        Case(
            "a SIGINT to the process alone",
            lambda: instead_of_the_signal(healthy()).signal(0.0, "SIGINT").signal(0.4),
            UNKNOWN,
            "no SIGINT",
        ),
        Case(
            "no supervisor", lambda: pressed().without("target", "signal").ctrl_c(0.0), UNKNOWN, "no SIGTERM followed"
        ),
        Case(
            "a late supervisor", lambda: instead_of_the_signal(healthy()).ctrl_c(0).signal(1.1), UNKNOWN, "no SIGTERM"
        ),
        Case("forced", forced, UNKNOWN, "an operator forced the stop at t0+2.000 s"),
        Case(
            "no deadline",
            lambda: ended(without_deadline(Story()).ctrl_c(0.0).signal(0.02)),
            PASS,
            "counted as one; 3 clients were closed, once each",
        ),
        Case(
            "no deadline, and pressed twice",
            lambda: ended(without_deadline(Story()).ctrl_c(0.0).ctrl_c(0.01)),
            PASS,
            "SIGINT at t0+0.000 s and SIGINT at t0+0.010 s counted as one; 3 clients were closed, once each",
        ),
    ],
    23: [
        Case("closed at once", forced, PASS, "forced at t0+2.000 s, 6 clients were closed by t0+2.110 s"),
        Case(
            "closed too late",
            lambda: odd_one(forced()).gets_notice(0.03).is_evicted(3.1),
            FAIL,
            "1 of 7 clients were not closed by t0+3.000 s; first odd-1 at t0+3.100 s was closed",
        ),
        Case("never closed", lambda: odd_one(forced()), FAIL, "odd-1 at t0+3.000 s had no close frame"),
        Case("another code", lambda: odd_one(forced()).is_evicted(2.5, 1001), FAIL, "clause 13: 1 of 7"),
        Case(
            "held", lambda: odd_one(forced()).is_closed(2.1).answers_the_close(2.2).ends(3.2), FAIL, "clause 14: 1 of 7"
        ),
        Case("who leaves meanwhile", lambda: odd_one(forced()).leaves(2.5), PASS, "6 clients"),
        Case("closed before", lambda: odd_one(forced()).is_evicted(1.0), PASS, "6 clients"),
        Case(
            "not watched for long enough",
            lambda: forced().until(2.06),
            UNKNOWN,
            "the target was not watched until t0+3.000 s",
        ),
        Case(
            "too few",
            lambda: story().ctrl_c(2.0).exits(2.1),
            UNKNOWN,
            "only 0 clients closed after the operator's force",
        ),
        Case(
            "nobody forced it", healthy, UNKNOWN, "no SIGINT was sent to the process group more than 1.000 s after t0"
        ),
        Case("a nervous operator", lambda: pressed().ctrl_c(0.9), UNKNOWN, "no SIGINT"),
        Case("one who comes too late", lambda: healthy().ctrl_c(9.45), UNKNOWN, "no SIGINT"),
        Case("a pass stands whatever the lag", lambda: forced().lags(2.1, 0.3), PASS, "forced at t0+2.000 s"),
        Case("no deadline", lambda: without_deadline(forced()), EXCLUDED, "declare drain_timeout_s"),
    ],
    24: [
        Case(
            "gone at once", in_startup, PASS, "stopped in startup, it exited with -15 at t0+0.200 s (declared 0 or -15)"
        ),
        Case("gone late", lambda: in_startup(1.2), FAIL, "it exited at t0+1.200 s (limit t0+1.000 s)"),
        Case("a parent's delay", lambda: in_startup(1.2).under(parent_delay_s=0.6), PASS, "t0+1.200 s"),
        Case("another status", lambda: in_startup(0.2, 3), FAIL, "it exited with 3 at t0+0.200 s, not 0 or -15"),
        Case("it hangs", lambda: in_startup(None).gives_up(9.0), FAIL, "no exit by t0+9.000 s (limit t0+1.000 s)"),
        Case(
            "ready after all",
            lambda: in_startup().is_up(0.15),
            FAIL,
            "told to stop in startup, it was ready at t0+0.150",
        ),
        Case("a probe finds it ready", lambda: in_startup().probe("ready", 0.1), FAIL, "it was ready at t0+0.100 s"),
        Case(
            "ready again once the parent has told it",
            lambda: in_startup(0.9).probe("ready", 0.1).probe("ready", 0.8).under(parent_delay_s=0.6),
            FAIL,
            "it was ready at t0+0.800 s",
        ),
        Case("a probe finds it not ready", lambda: in_startup().probe("ready", 0.1, 503), PASS, "exited with -15"),
        Case("no readiness to speak of", lambda: in_startup().is_up(0.15).under(ready=None), PASS, "exited with -15"),
        Case("it was up", lambda: in_startup().is_up(-0.1), UNKNOWN, "the target was up before"),
        Case("it was asked before", lambda: in_startup().is_up(0.01, began=-0.005), UNKNOWN, "the target was up"),
        Case("somebody was let in", healthy, UNKNOWN, "the target was up"),
        Case("not watched to the end", lambda: in_startup(None), UNKNOWN, "not watched until it exited"),
        Case("a pass stands whatever the lag", lambda: in_startup().lags(0.2, 0.3), PASS, "exited with -15"),
    ],
    25: [
        Case("drained as well", limited, PASS, "stopped by request limit: clause 5: 68 clients got one notice"),
        Case(
            "nobody told", lambda: limited().without(what="notice"), FAIL, "stopped by request limit: clause 5: 62 of"
        ),
        Case(
            "closed early",
            lambda: odd_one(limited()).gets_notice(0.1).is_evicted(1.0),
            FAIL,
            "limit: clause 12: 1 of 72",
        ),
        Case(
            "another goodbye",
            lambda: odd_one(limited()).gets_notice(0.1).is_evicted(6, 1003),
            FAIL,
            "clause 13: 1 of 66",
        ),
        Case("nobody stayed", lambda: limited().until(4.0), UNKNOWN, "clause 12: only 0 clients"),
        Case("a signal", healthy, UNKNOWN, "a signal told the target to stop"),
        Case("no deadline", lambda: without_deadline(limited()), PASS, "clause 12: the target promises no"),
    ],
    26: [
        Case(
            "evicts on SIGCONT",
            standing_still,
            PASS,
            "SIGCONT at t0+6.500 s; the first close by the server came at t0+6.550 s (limit t0+7.500 s)",
        ),
        Case("evicts later", lambda: standing_still(first=7.6), FAIL, "came at t0+7.600 s (limit t0+7.500 s)"),
        Case("never evicts", lambda: nobody_is_closed(story().stands_still(4.0, 6.5)), FAIL, "no client was closed"),
        Case(
            "closed early", lambda: odd_one(standing_still()).is_evicted(3.0), FAIL, "1 of 9 clients were closed before"
        ),
        Case("all at once", lambda: standing_still(pace=0.5), FAIL, "clause 15: 2 closes in the second"),
        Case("no pace", lambda: standing_still().under(evict_per_s=None), PASS, "SIGCONT at t0+6.500 s"),
        Case("it never stood still", healthy, UNKNOWN, "was not stopped (SIGSTOP) across the deadline (t0+5.000 s)"),
        Case("only before the deadline", lambda: standing_still(1.0, 2.0), UNKNOWN, "was not stopped"),
        Case("it never went on", lambda: standing_still().without("target", "thawed"), UNKNOWN, "was not stopped"),
        Case("nobody there", lambda: story().stands_still(4.0, 6.5), UNKNOWN, "only 0 clients connected at SIGCONT"),
        Case(
            "one is there, and is closed late",
            lambda: story().stands_still(4.0, 6.5).client("lingerer-1").gets_notice(0.03).is_evicted(7.7),
            FAIL,
            "came at t0+7.700 s (limit t0+7.500 s)",
        ),
        Case(
            "not watched for long enough",
            lambda: standing_still(first=7.4).until(7.0),
            UNKNOWN,
            "no client stayed until",
        ),
        Case(
            "a pass stands whatever the lag",
            lambda: standing_still().lags(6.6, 0.3),
            PASS,
            "SIGCONT at t0+6.5",
        ),
        Case("no deadline", lambda: without_deadline(standing_still()), EXCLUDED, "declare drain_timeout_s"),
    ],
}


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_a_stop_is_one_stop_whatever_told_it_and_when(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
