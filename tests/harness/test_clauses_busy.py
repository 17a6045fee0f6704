"""Whom a busy machine excuses: the directions of lateness, clause by clause, on literal histories."""

from __future__ import annotations

import pytest

from harness.clauses import CLAUSES, Judgement, judge
from harness.clauses.verdict import Delay, excuse
from tests.harness.histories import (
    FAIL,
    PASS,
    T0,
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
from tests.harness.test_clauses_accounts import reporting
from tests.harness.test_clauses_admission import joiner, turning
from tests.harness.test_clauses_closing import evicting
from tests.harness.test_clauses_hostile import hears_all, one_more, two_listeners
from tests.harness.test_clauses_observability import ten_thousand
from tests.harness.test_clauses_progress import but
from tests.harness.test_clauses_signals import evicted_at, in_startup, nobody_is_closed, standing_still, storm_alone
from tests.harness.test_clauses_termination import exiting, exits_late, hangs
from tests.harness.test_clauses_workers import crash, two_workers


def readiness_at(first: float) -> Story:
    """A readiness that turns late; each probe is answered at once."""
    return turning(first).probe("ready", 0.1, 200).probe("ready", 0.2, 200)


def turning_after_hangs() -> Story:
    told = story().client("lingerer-1").ends(6.0).probes("ready", 3.0, 5.0, 503)
    for i in range(3):
        told.probe("ready", 0.3 + i / 2, None, "timeout", took=1.0)
    return told


def slow_joiner(took: float = 1.2) -> Story:
    return joiner("late-9", 2.0).refused(2.0 + took)


def left_without_notice(at: float = 1.2) -> Story:
    return healthy().client("odd-1").leaves(at)


def told_late(t: float, left: float) -> Story:
    return healthy().client("odd-1").gets_notice(t, left).is_evicted(5.5)


def heard_late(took: float) -> Story:
    told = hears_all(one_more().gets_notice(0.1), but=3).hears(2.0 + took, "broadcast", 3)
    return told.is_evicted(5.5)


def unserved() -> Story:
    return healthy().client("odd-1").gets_notice(0.1).is_evicted(5.5)


def missed_one(leaves: float) -> Story:
    """One leaves that has heard all but what was posted at 3 s."""
    return hears_all(one_more().gets_notice(0.1), but=5).leaves(leaves)


def unanswered(sent: float) -> Story:
    told = healthy().under(broadcasts=False).client("odd-1").gets_notice(0.1)
    return told.says(sent, 0, broadcast=False).is_evicted(5.5)


def unheard() -> Story:
    told = hears_all(one_more().gets_notice(0.1), but=7)
    return told.is_evicted(4.27)


def closed_at(t: float) -> Story:
    """It has not heard what was accepted at 4.01 s."""
    return hears_all(one_more().gets_notice(0.1), but=7).is_evicted(t)


def bunched(count: int) -> Story:
    """A pace of 2, and so many in one second."""
    return evicting(*(6.0 + i / 100 for i in range(count)), 7.5, 8.5, 9.5)


def slow_worker() -> Story:
    return two_workers().handshake("odd-1", -2.5).refused(-1.3)


def held(until: float) -> Story:
    return one_more().is_closed(6.0).answers_the_close(6.0).ends(until)


def closed_by_force(t: float) -> Story:
    return forced().client("odd-1").gets_notice(0.03).is_evicted(t)


def slow_readiness() -> Story:
    return ten_thousand().probe("ready", 1.0, 503, took=0.12).probe("ready", 1.1, 503, took=0.12)


def left_early_in_the_drain() -> Story:
    """It left 0.4 s after t0, when a drain that began late had not counted it."""
    return reporting(63, 3, 0, 65, 1).client("odd-1").leaves(0.4)


CASES: Cases = {
    1: [
        Case("explained by the lag", lambda: readiness_at(0.3).lags(0.3, 0.08), UNKNOWN, "itself lagged 0.080 s"),
        Case(
            "explained by the wait",
            lambda: readiness_at(0.3).starves(0.0, 0.3, 0.31),
            UNKNOWN,
            "the target waited 0.310 s for a core between t0+0.000 s and t0+0.302 s, more than a quarter of 0.250 s",
        ),
        Case("by both of them", lambda: readiness_at(0.3).starves(0, 0.3, 0.04).lags(0.3, 0.04), UNKNOWN, "together"),
        Case(
            "later than both", lambda: readiness_at(0.6).starves(0, 0.6, 0.2).lags(0.6, 0.08), FAIL, "a probe at t0+0.4"
        ),
        Case("the wait is below a quarter", lambda: readiness_at(0.3).starves(0, 0.3, 0.06), FAIL, "503 at t0+0.302"),
        Case("a wait before t0", lambda: readiness_at(0.3).starves(-0.4, 0.0, 0.3), FAIL, "503 at t0+0.302 s"),
        Case(
            "probes that hung, of a target that took longer than they",
            lambda: turning_after_hangs().starves(0.0, 3.0, 2.4),
            FAIL,
            "503 at t0+3.002 s (limit 0.250 s)",
        ),
        Case("not longer", lambda: turning_after_hangs().starves(0.0, 3.0, 2.9), UNKNOWN, "a probe at t0+0.300 s"),
        Case("never", lambda: story().probes("ready", 0.01, 0.15).probe("ready", 0.1), FAIL, "no 503 in"),
        Case("200 again is no matter of time", lambda: healthy().probe("ready", 1).starves(0, 2, 2), FAIL, "got 200"),
        Case(
            "a probe that hung",
            lambda: healthy().probe("ready", 1.0, None, "timeout", took=1.0).starves(1.0, 2.0, 0.9),
            UNKNOWN,
            "waited 0.900 s",
        ),
    ],
    2: [
        Case(
            "a probe that hung",
            lambda: healthy().probe("health", 1.0, None, "timeout", took=1.0).starves(1.0, 2.0, 0.9),
            UNKNOWN,
            "waited 0.900 s",
        ),
        Case(
            "though nothing kept it",
            lambda: healthy().probe("health", 1.0, None, "timeout", took=1.0).starves(1.0, 2.0, 0.2),
            FAIL,
            "said timeout",
        ),
        Case("a reset", lambda: healthy().probe("health", 1, None, "reset").starves(0, 2, 2), FAIL, "said reset"),
    ],
    3: [
        Case("explained by the lag", lambda: slow_joiner().lags(3.2, 0.3), UNKNOWN, "lagged 0.300 s"),
        Case("explained by the wait", lambda: slow_joiner().starves(2, 3, 0.3), UNKNOWN, "waited 0.300 s"),
        Case("later than that", lambda: slow_joiner(1.4).starves(2, 3, 0.3), FAIL, "503 after 1.400 s"),
        Case("403 is no matter of time", lambda: joiner("l-9", 2).refused(2.1, 403).lags(2, 1), FAIL, "got 403"),
        Case("a hang", lambda: joiner("late-9", 2).failed(4, "timeout").starves(2, 4, 1.1), UNKNOWN, "waited 1.100"),
    ],
    4: [
        Case(
            "a hang",
            lambda: healthy().handshake("racer-9", -0.01).failed(1.99, "timeout").starves(0, 2, 1.5),
            UNKNOWN,
            "waited 1.",
        ),
        Case(
            "before, it left",
            lambda: healthy().handshake("racer-9", -0.01).opened(0.005).leaves(1.2).starves(0, 1.2, 0.5),
            UNKNOWN,
            "waited 0.4",
        ),
        Case(
            "before, it was closed",
            lambda: healthy().handshake("racer-9", -0.01).opened(0.005).is_evicted(5.2).starves(0, 1.2, 0.5),
            FAIL,
            "got 101 and no notice",
        ),
    ],
    5: [
        Case("explained by the lag", lambda: left_without_notice().lags(1.2, 0.3), UNKNOWN, "lagged 0.300 s"),
        Case(
            "later than that", lambda: left_without_notice(1.4).lags(1.2, 0.3), FAIL, "had no notice until it was gone"
        ),
        Case("read late", lambda: told_late(1.2, 5.0).lags(1.2, 0.3), UNKNOWN, "lagged 0.300 s"),
        Case(
            "no notice is too early", lambda: told_late(0.1, 3.0).lags(0.1, 0.3), FAIL, "got a notice with 3.000 s left"
        ),
        Case("twice", lambda: told_late(0.1, 4.9).gets_notice(0.2).lags(0.1, 0.3), FAIL, "got 2 notices"),
    ],
    7: [
        Case("a notice that the lag explains", lambda: heard_late(0.1).lags(2.1, 0.3), PASS, "69 clients"),
        Case(
            "told late",
            lambda: hears_all(one_more().gets_notice(1.2)).is_evicted(5.5).lags(1.2, 0.3),
            UNKNOWN,
            "lagged 0.300",
        ),
        Case("never told", lambda: one_more().leaves(1.2).starves(0, 1.2, 0.5), UNKNOWN, "waited 0.500 s"),
        Case("heard late", lambda: heard_late(0.3).lags(2.3, 0.1), UNKNOWN, "lagged 0.100 s"),
        Case("heard later than that", lambda: heard_late(0.4).lags(2.3, 0.1), FAIL, "a message 0.400 s old"),
        Case(
            "one of two cannot be explained",
            lambda: (
                hears_all(one_more().gets_notice(0.1), but=3)
                .hears(1.8, "broadcast", 1)
                .hears(2.4, "broadcast", 3)
                .is_evicted(5.5)
                .lags(1.85, 1.0)
            ),
            FAIL,
            "heard a message 0.400 s old",
        ),
        Case("never heard", lambda: unheard().starves(4.0, 4.27, 0.2), UNKNOWN, "never heard broadcast:7"),
        Case(
            "what they are compared with was slow by itself",
            lambda: two_listeners(0.2, 0.3),
            PASS,
            "(limit 0.400 s)",
        ),
        Case(
            "or because of others",
            lambda: two_listeners(0.2, 0.3).starves(-0.9, -0.7, 0.1),
            UNKNOWN,
            "the limit of 0.400 s comes from there",
        ),
        Case("which widened nothing", lambda: two_listeners(0.2, 0.1).starves(-0.9, -0.7, 0.1), PASS, "0.100 s"),
    ],
    9: [
        Case("it waited all the time", lambda: unserved().starves(0, 5.5, 5.6), UNKNOWN, "s for a core between t0+0.5"),
        Case("or not", lambda: unserved().starves(0, 5, 2), FAIL, "odd-1 at t0+0.500 s missed 28 of 28 broadcasts"),
        Case("as its client left", lambda: missed_one(3.3).starves(3.0, 3.3, 0.1), UNKNOWN, "a quarter of 0.300 s"),
        Case("but not for so long", lambda: missed_one(3.9).starves(3.0, 3.3, 0.1), FAIL, "missed 1 of "),
    ],
    10: [
        Case("explained by the lag", lambda: unanswered(5.2).lags(5.5, 0.07), UNKNOWN, "lagged 0.070 s"),
        Case("later than that", lambda: unanswered(5.1).lags(5.5, 0.07), FAIL, "closed with 1 of 1 unanswered"),
        Case("a broadcast", lambda: closed_at(4.09).lags(4.1, 0.1), UNKNOWN, "had not heard broadcast:7"),
        Case("later than that", lambda: closed_at(4.12).lags(4.1, 0.1), FAIL, "had not heard broadcast:7"),
        Case(
            "twice is no matter of time",
            lambda: (
                healthy().client("odd-1").gets_notice(0.1).says(1, 0).is_answered(1.1, 0).is_answered(1.2, 0).lags(1, 1)
            ),
            FAIL,
            "answered twice",
        ),
    ],
    11: [
        Case(
            "explained by the lag",
            lambda: healthy().client("odd-1").leaves(3.0, took=1.2).lags(4.2, 0.3),
            UNKNOWN,
            "lagged 0.300 s",
        ),
        Case(
            "later than that",
            lambda: healthy().client("odd-1").leaves(3.0, took=1.5).lags(4.5, 0.3),
            FAIL,
            "answered after 1.500 s",
        ),
        Case("left open", lambda: healthy().client("odd-1").closes(8.3).starves(8.3, 9.5, 0.5), UNKNOWN, "left open"),
        Case(
            "given up",
            lambda: healthy().client("odd-1").closes(3).ends(4.1, "local").starves(3, 4, 0.5),
            UNKNOWN,
            "waited 0.500 s",
        ),
        Case(
            "another code is no matter of time",
            lambda: healthy().client("odd-1").leaves(3, answer=1001).lags(3, 1),
            FAIL,
            "was answered 1001",
        ),
        Case("nor is a cut", lambda: healthy().client("odd-1").closes(3).ends(3.1).lags(3, 1), FAIL, "ended by eof"),
    ],
    12: [
        Case("an early close stands", lambda: one_more().is_evicted(4.9).lags(4.9, 2.0), FAIL, "1 of 72 clients"),
        Case("it may have been early", lambda: healthy().lags(5.05, 0.3), UNKNOWN, "lagged 0.300 s between t0+5.000"),
        Case("it was late enough", lambda: healthy().lags(5.05, 0.2), PASS, "65 clients stayed"),
        Case("well after the deadline", lambda: evicting(5.5, 6, 7).lags(5.5, 0.3), PASS, "3 clients stayed"),
        Case("a target that waits closes nobody early", lambda: healthy().starves(4.9, 5.1, 0.2), PASS, "65 clients"),
    ],
    14: [
        Case("explained by the lag", lambda: held(7.2).lags(7.2, 0.3), UNKNOWN, "lagged 0.300 s"),
        Case("explained by the wait", lambda: held(7.2).starves(6, 7.2, 0.5), UNKNOWN, "was held for 1.200 s"),
        Case("later than that", lambda: held(7.5).lags(7.2, 0.3), FAIL, "was held for 1.500 s"),
        Case("a reset is no matter of time", lambda: one_more().ends(6, "reset").lags(6, 1), FAIL, "saw a reset"),
    ],
    15: [
        Case("seen in a bunch", lambda: bunched(5).lags(6.1, 0.3), UNKNOWN, "5 closes in the second from t0+6.000 s"),
        Case("closed in a bunch", lambda: bunched(5).starves(5.5, 6.1, 0.3), UNKNOWN, "waited 0.300 s for a core"),
        Case("more than that explains", lambda: bunched(6).lags(6.1, 0.3), FAIL, "6 closes in the second"),
        Case("a little lag", lambda: bunched(5).lags(6.1, 0.2), FAIL, "5 closes in the second"),
        Case(
            "a target that waits closes nothing apart that was not",
            lambda: evicting(6.0, 6.1, 6.2, 6.3, 7.1, 8.5, 9.5).starves(5.5, 7.1, 0.5),
            PASS,
            "4 closes in the second from t0+6.000 s (limit 4)",
        ),
        Case(
            "closed in a bunch, and seen apart",
            lambda: evicting(6.0, 6.1, 6.2, 6.3, 7.1, 8.5, 9.5).lags(7.1, 0.3),
            UNKNOWN,
            "4 closes in the second from t0+6.000 s (limit 4)",
        ),
    ],
    16: [
        Case("explained by the lag", lambda: exiting(2.6).lags(2.6, 0.3), UNKNOWN, "lagged 0.300 s"),
        Case("explained by the wait", lambda: exiting(2.7).starves(1.6, 2.7, 0.4), UNKNOWN, "waited 0.400 s"),
        Case("later than that", lambda: exiting(3.0).starves(1.6, 2.7, 0.4), FAIL, "exit at t0+3.000 s"),
        Case("held by nobody", lambda: exiting(None).gives_up(9).starves(1.6, 9, 3.0), FAIL, "no exit by t0+9.000 s"),
        Case("or only so", lambda: exiting(None).gives_up(9).starves(1.6, 9, 7.0), UNKNOWN, "no exit by t0+9.000 s"),
    ],
    17: [
        Case("explained by the lag", lambda: exits_late(10.4).lags(10.4, 0.3), UNKNOWN, "lagged 0.300 s"),
        Case("explained by the wait", lambda: exits_late(10.6).starves(6, 10.6, 0.4), UNKNOWN, "waited 0.400 s"),
        Case("later than that", lambda: exits_late(11.0).starves(6, 10.6, 0.4), FAIL, "exit at t0+11.000 s"),
        Case("it hangs", lambda: hangs(20.0).starves(6, 20, 5.0), FAIL, "no exit by t0+20.000 s"),
    ],
    21: [
        Case(
            "explained by the lag",
            lambda: evicted_at(storm_alone(), 5.4).lags(5.4, 0.2),
            UNKNOWN,
            "lagged 0.200 s between t0+5.000 s and t0+5.400 s, more than a quarter of 0.250 s",
        ),
        Case("later than that", lambda: evicted_at(storm_alone(), 5.5).lags(5.5, 0.2), FAIL, "came at t0+5.500 s"),
        Case("never", lambda: nobody_is_closed(storm_alone()).starves(5, 20, 2), FAIL, "no client was closed"),
        Case("it may have been early", lambda: evicted_at(storm_alone(), 5.1).lags(5.1, 0.3), UNKNOWN, "lagged 0.300"),
    ],
    23: [
        Case("explained by the lag", lambda: closed_by_force(3.1).lags(3.1, 0.3), UNKNOWN, "lagged 0.300 s"),
        Case("later than that", lambda: closed_by_force(3.5).lags(3.1, 0.3), FAIL, "closed by t0+3.000 s"),
        Case(
            "never closed",
            lambda: forced().client("odd-1").gets_notice(0.03).starves(2, 3.3, 0.5),
            UNKNOWN,
            "had no close frame",
        ),
        Case("cut off", lambda: forced().client("odd-1").ends(3.1, "reset").lags(3.1, 1), FAIL, "had no close frame"),
    ],
    24: [
        Case("explained by the lag", lambda: in_startup(1.2).lags(1.2, 0.3), UNKNOWN, "lagged 0.300 s"),
        Case("explained by the wait", lambda: in_startup(1.2).starves(0, 1.2, 0.5), UNKNOWN, "waited 0.500 s"),
        Case("later than that", lambda: in_startup(1.5).lags(1.2, 0.3), FAIL, "exited at t0+1.500 s"),
        Case("it hangs", lambda: in_startup(None).gives_up(9.0).starves(0, 9, 2), FAIL, "no exit by t0+9.000 s"),
        Case("ready before it heard", lambda: in_startup().is_up(0.1).starves(0, 0.1, 0.11), UNKNOWN, "waited 0.110 s"),
        Case("ready after all", lambda: in_startup().is_up(0.15).starves(0, 0.15, 0.1), FAIL, "was ready at t0+0.150"),
    ],
    25: [
        Case(
            "it passes on what the machine did",
            lambda: (
                left_without_notice()
                .without("target", "signal")
                .about("target")
                .add(0, "cause", cause="x")
                .lags(1.2, 0.3)
            ),
            UNKNOWN,
            "stopped by x: clause 5: the harness itself lagged 0.300 s",
        ),
    ],
    26: [
        Case("explained by the lag", lambda: standing_still(first=7.7).lags(7.7, 0.3), UNKNOWN, "lagged 0.300 s"),
        Case("later than that", lambda: standing_still(first=7.9).lags(7.7, 0.3), FAIL, "came at t0+7.900 s"),
    ],
    27: [
        Case("the first line", lambda: but(0.05).progress(1.1, 66).lags(1.1, 0.3), UNKNOWN, "within 1.000 s of t0"),
        Case("later than that", lambda: but(0.05).progress(1.4, 66).lags(1.1, 0.3), FAIL, "within 1.000 s of t0"),
        Case("a line at each phase", lambda: but().lags(5.01, 0.3), PASS, "7 progress lines"),
        Case(
            "a gap",
            lambda: but(4.05, 5.01).progress(5.2, 66).starves(2.05, 5.2, 1.0),
            UNKNOWN,
            "no progress line between t0+2.050 s and t0+5.200 s",
        ),
        Case(
            "one of two gaps",
            lambda: but(2.05, 4.05, 7.01).starves(5.01, 8.2, 3.0),
            FAIL,
            "no progress line between t0+0.050 s and t0+5.010 s",
        ),
    ],
    28: [
        Case(
            "a drain that began late",
            lambda: left_early_in_the_drain().starves(0, 0.4, 0.3),
            UNKNOWN,
            "the target waited 0.300 s for a core as the drain began, together more than a quarter of 0.250 s: present",
        ),
        Case("though nothing kept it", left_early_in_the_drain, FAIL, "present + raced_in is 66"),
        Case("a wrong sum", lambda: reporting(50, 3, 0, 53, 0).starves(0, 0.4, 0.3), FAIL, "present + raced_in is 53"),
    ],
    31: [
        Case("explained by the lag", lambda: slow_readiness().lags(1.15, 0.03), UNKNOWN, "lagged 0.030 s"),
        Case("one of them", lambda: slow_readiness().starves(1.0, 1.05, 0.03), UNKNOWN, "readiness within 0.120 s"),
        Case("a wait below a quarter", lambda: slow_readiness().starves(1.0, 1.05, 0.02), FAIL, "in 99 % of"),
    ],
    32: [
        Case("explained by the lag", lambda: slow_worker().lags(-1.3, 0.3), UNKNOWN, "lagged 0.300 s"),
        Case("though nothing kept it", slow_worker, FAIL, "was left for 1.200 s"),
    ],
    34: [
        Case("explained by the lag", lambda: cut_late(4.2).lags(4.2, 0.3), UNKNOWN, "lagged 0.300 s"),
        Case("later than that", lambda: cut_late(4.5).lags(4.2, 0.3), FAIL, "was not cut off with the worker"),
    ],
}


def stood_still_at_the_kill() -> Story:
    return crash().stands_still(3.1, 3.2)


def cut_late(t: float) -> Story:
    told = crash()
    told.events = [(t, *e[1:]) if e[1] == "reconnecting-6/1" and e[2] == "ended" else e for e in told.events]
    return told


STOOD_STILL: Cases = {
    1: [Case("", lambda: healthy().stands_still(0.005, 0.01), UNKNOWN, "had stopped the target")],
    7: [Case("before", lambda: two_listeners(0.2, 0.3).stands_still(-0.8, -0.75), UNKNOWN, "had stopped the target")],
    11: [Case("", lambda: healthy().stands_still(0.3, 0.4), UNKNOWN, "had stopped the target")],
    14: [Case("", lambda: healthy().stands_still(6.0, 6.1), UNKNOWN, "had stopped the target")],
    16: [Case("", lambda: deserted().stands_still(1.6, 1.65), UNKNOWN, "had stopped the target")],
    23: [Case("", lambda: forced().stands_still(2.1, 2.2), UNKNOWN, "had stopped the target")],
    24: [Case("", lambda: in_startup().stands_still(0.1, 0.15), UNKNOWN, "had stopped the target")],
    27: [Case("", lambda: healthy().stands_still(3.0, 3.1), UNKNOWN, "had stopped the target")],
    31: [Case("", lambda: ten_thousand().stands_still(1.0, 1.1), UNKNOWN, "had stopped the target")],
    32: [Case("", lambda: two_workers().stands_still(-1.0, -0.9), UNKNOWN, "had stopped the target")],
    34: [Case("", stood_still_at_the_kill, UNKNOWN, "had stopped the target")],
}


@pytest.mark.parametrize(("number", "case"), each(STOOD_STILL))
def test_a_target_that_the_harness_had_stopped_is_not_judged_by_time(number: int, case: Case) -> None:
    check(CLAUSES[number], case)


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_a_busy_machine_excuses_what_it_explains_and_nothing_else(number: int, case: Case) -> None:
    check(CLAUSES[number], case)


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_an_unknown_that_is_the_machines_is_marked_and_no_other_verdict(number: int, case: Case) -> None:
    judgement: Judgement = CLAUSES[number].judge(case.story().history())
    assert judgement.busy is (case.verdict is UNKNOWN)


def test_of_two_threads_that_wait_the_one_that_waits_longer_counts_and_never_their_sum() -> None:
    told = story().starves(0.0, 0.1, 0.05, "1").starves(0.0, 0.1, 0.08, "2").starves(0.1, 0.2, 0.04, "1")
    machine = told.history().drain.machine  # type: ignore[union-attr]  # the story has a signal
    assert machine.starved_s(T0, T0 + 0.2) == pytest.approx(0.09)


def test_a_sample_counts_with_its_part_of_the_stretch_and_what_was_stolen_comes_on_top() -> None:
    told = story().starves(0.0, 0.2, 0.1, stolen=0.02)
    machine = told.history().drain.machine  # type: ignore[union-attr]  # the story has a signal
    assert machine.starved_s(T0 + 0.1, T0 + 0.3) == pytest.approx(0.05 + 0.01)
    assert machine.starved_s(T0 + 0.2, T0 + 0.3) == 0.0


def test_what_took_no_time_has_no_excuse() -> None:
    seen = story().starves(0.0, 0.2, 0.2).history().drain
    assert seen is not None
    assert excuse(seen, None) is None
    assert excuse(seen, Delay(T0, T0 + 0.2, T0 + 0.1, 0.25)) == (
        "the target waited 0.200 s for a core between t0+0.000 s and t0+0.200 s, more than a quarter of 0.250 s"
    )


def one_racer() -> Story:
    return (
        story()
        .client("lingerer-1")
        .handshake("racer-1", -0.01)
        .opened(0.005)
        .gets_notice(0.04)
        .probes("ready", 1.0, 2.0, 503)
    )


@pytest.mark.parametrize("number", [1, 4], ids=["no probe in time", "too few racers"])
def test_a_want_of_observations_is_the_machines_where_harness_or_target_waited_in_the_run(number: int) -> None:
    at_ease, lagged, starved = one_racer(), one_racer().lags(0.0, 0.26), one_racer().starves(-1.0, 1.0, 0.26)
    assert [judge(told.history(), [number])[0].busy for told in (at_ease, lagged, starved)] == [False, True, True]
    assert judge(lagged.history(), [number])[0].evidence.endswith(
        "; harness and target waited 0.260 s for the machine, which may be why"
    )


def test_what_is_unknown_for_another_reason_is_not_the_machines_however_busy_it_was() -> None:
    (ruling,) = judge(story().lags(0.0, 0.5).history(), [22])
    assert (ruling.verdict, ruling.busy) == (UNKNOWN, False)
