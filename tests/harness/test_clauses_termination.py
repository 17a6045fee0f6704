"""Clauses 16 to 20 on literal histories."""

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


def exiting(t: float | None) -> Story:
    told = deserted().without("target", "exited")
    return told if t is None else told.exits(t)


def exits_late(t: float) -> Story:
    return healthy().without("target", "exited").exits(t)


def hangs(until: float) -> Story:
    return healthy().without("target", "exited").gives_up(until)


def closed_at_once(exits: float) -> Story:
    """A target that promises nothing closes all its clients within a second."""
    told = without_deadline(story())
    for i in range(3):
        told.client(f"lingerer-{i}").is_evicted(1.0)
    return told.exits(exits)


def waits(hostile: bool = False) -> Story:
    """One that promises nothing waits for two clients, one of which reads, unless it has been sent home."""
    told = without_deadline(story()).client("stalled-reader-1", hostile=True).client("lingerer-1")
    return (told.leaves(20.0) if hostile else told).gives_up(60.1).exits(60.2, -9).leaves_behind(60.3)


def all_cut_early() -> Story:
    return story().client("a-1").is_evicted(0.1)


def of_two_workers(exits: float, *held: tuple[int, ...]) -> Story:
    """Twelve clients on ports 1 to 12, closed at a pace of 4; the limit is 10 s and what the fuller worker takes."""
    told = story(processes=2, evict_per_s=4.0)
    for port in range(1, 13):
        told.client(f"lingerer-{port}", port=port).is_evicted(5.0 + port / 4)
    if held:
        told.holds(4.9, *held)
    return told.exits(exits)


def silent() -> Story:
    return healthy().without("target", "line")


CASES: Cases = {
    16: [
        Case(
            "gone soon after the last client",
            deserted,
            PASS,
            "exit at t0+1.700 s (limit t0+2.511 s); 6 clients had left and the grace was over at t0+1.511 s",
        ),
        Case(
            "gone at once with nobody there",
            lambda: story().exits(0.3),
            PASS,
            "exit at t0+0.300 s (limit t0+1.000",
        ),
        Case(
            "gone at its deadline, which came soon",
            lambda: exiting(2.4).under(drain_timeout_s=2.3),
            UNKNOWN,
            "1.511 s, and it may have waited for the deadline (t0+2.300 s)",
        ),
        Case("gone before it", lambda: exiting(2.2).under(drain_timeout_s=2.3), PASS, "exit at t0+2.200 s"),
        Case("lingers", lambda: exiting(2.6), FAIL, "exit at t0+2.600 s (limit t0+2.511 s)"),
        Case(
            "stays out its grace",
            lambda: exiting(3.9).under(grace_s=3.0),
            PASS,
            "the grace was over at t0+3.000 s",
        ),
        Case(
            "a parent's delay is granted",
            lambda: exiting(2.6).under(parent_delay_s=0.6),
            PASS,
            "limit t0+3.111 s",
        ),
        Case(
            "held by nobody",
            lambda: exiting(None).gives_up(9),
            FAIL,
            "no exit by t0+9.000 s (limit t0+2.511 s)",
        ),
        Case(
            "had to be killed",
            lambda: exiting(None).gives_up(9).exits(9.1, -9),
            FAIL,
            "no exit by t0+9.000 s",
        ),
        Case(
            "torn lines are lines left",
            lambda: deserted().client("x-1").ends(1.2, "local"),
            PASS,
            "7 clients",
        ),
        Case(
            "who was gone before does not count",
            lambda: deserted().client("x-1").is_evicted(-0.5),
            PASS,
            "6 clients",
        ),
        Case(
            "a client that stayed",
            healthy,
            UNKNOWN,
            "66 of 72 clients did not leave by themselves before the dead",
        ),
        Case("a client that left too late", lambda: deserted().client("x-1").leaves(5.1), UNKNOWN, "first x-1"),
        Case(
            "a client whose end was not seen",
            lambda: deserted().client("x-1").closes(1),
            UNKNOWN,
            "first x-1",
        ),
        Case(
            "a hostile client that stayed",
            lambda: deserted().client("x-1", hostile=True),
            UNKNOWN,
            "1 of 7 clients did not leave by themselves before the deadline (t0+5.000 s), first x-1",
        ),
        Case("half a handshake", lambda: deserted().handshake("x-1", -1.0, hostile=True), UNKNOWN, "first x-1"),
        Case(
            "half a handshake that was cut before",
            lambda: deserted().handshake("x-1", -1.0, hostile=True).failed(-0.5, "eof"),
            PASS,
            "6 clients",
        ),
        Case(
            "a client that left when forced", lambda: deserted().ctrl_c(1.35), UNKNOWN, "the operator's force (t0+1.350"
        ),
        Case("not watched to the end", lambda: exiting(None), UNKNOWN, "not watched until it exited"),
        Case("a pass stands whatever the lag", lambda: deserted().lags(1.6, 0.3), PASS, "exit at t0+1.700 s"),
        Case("all closed, and no deadline", lambda: closed_at_once(1.9), PASS, "exit at t0+1.900 s (limit t0+2.002 s)"),
        Case("all closed, and it lingers", lambda: closed_at_once(2.1), FAIL, "exit at t0+2.100 s (limit t0+2.002 s)"),
        Case(
            "no deadline, and a client that stayed",
            lambda: without_deadline(exiting(None)).client("x-1").gives_up(60.1),
            UNKNOWN,
            "1 of 7 clients did not leave by themselves before the exit, first x-1",
        ),
        Case(
            "no deadline, and a hostile client",
            lambda: closed_at_once(1.5).client("x-1", hostile=True).ends(1.5, "reset"),
            UNKNOWN,
            "first x-1",
        ),
    ],
    17: [
        Case(
            "in time",
            healthy,
            PASS,
            "exit at t0+9.400 s (limit t0+10.300 s); 66 clients were connected at the deadline",
        ),
        Case("too late", lambda: exits_late(10.4), FAIL, "exit at t0+10.400 s (limit t0+10.300 s); 66 clients"),
        Case("a parent's delay", lambda: exits_late(10.4).under(parent_delay_s=0.2), PASS, "limit t0+10.500 s"),
        Case("pace undeclared", lambda: healthy().under(evict_per_s=None), PASS, "limit t0+65.000 s"),
        Case("X undeclared", lambda: exits_late(64.9).under(close_timeout_s=None), PASS, "limit t0+65.000 s"),
        Case("forced, and no pace", lambda: forced().under(evict_per_s=None), PASS, "limit t0+4.000 s"),
        Case("no deadline", lambda: closed_at_once(59.9), PASS, "exit at t0+59.900 s (limit t0+60.000 s)"),
        Case(
            "no deadline, and only hostile clients are left",
            lambda: waits(hostile=True),
            FAIL,
            "no exit by t0+60.100 s (limit t0+60.000 s); 2 clients were connected at t0 (there is no deadline",
        ),
        Case(
            "no deadline, and clients that read are still served",
            lambda: waits(),
            UNKNOWN,
            "1 clients that read were still served at t0+60.100 s, first lingerer-1, and nothing says for how long:"
            " declare drain_timeout_s, pace_per_s, close_timeout_s",
        ),
        Case("it hangs", lambda: hangs(20.0), FAIL, "no exit by t0+20.000 s (limit t0+10.300 s)"),
        Case(
            "two workers with half of them each",
            lambda: of_two_workers(10.0, tuple(range(1, 7)), tuple(range(7, 13))),
            PASS,
            "limit t0+10.000 s); 12 clients were connected at the deadline (t0+5.000 s), 6 of them to one of 2 proc",
        ),
        Case("longer", lambda: of_two_workers(10.1, (1, 2, 3, 4, 5, 6), (7, 8, 9, 10, 11, 12)), FAIL, "limit t0+10.0"),
        Case("one with most", lambda: of_two_workers(11.5, tuple(range(1, 10)), (10, 11, 12)), PASS, "limit t0+11.5"),
        Case(
            "nobody knows whose two are", lambda: of_two_workers(11.0, (1, 2, 3, 4, 5, 6), (7, 8, 9, 10)), PASS, "8 of"
        ),
        Case("nobody looked", lambda: of_two_workers(13.0), PASS, "limit t0+13.000 s); 12 clients were connected at"),
        Case(
            "nor is more granted then", lambda: of_two_workers(13.1), FAIL, "perhaps all of them to one of 2 processes"
        ),
        Case("a harness without patience", lambda: hangs(9.9), UNKNOWN, "not watched until it exited or the limit"),
        Case(
            "forced", forced, PASS, "exit at t0+3.250 s (limit t0+4.000 s); 7 clients were connected at the operator's"
        ),
        Case(
            "forced in the eviction",
            lambda: healthy().ctrl_c(6.0),
            PASS,
            "limit t0+10.300 s",
        ),
        Case("it stood still", lambda: exits_late(10.4).stands_still(4.5, 5.5), PASS, "limit t0+10.800 s"),
        Case("it stood still before", lambda: exits_late(10.4).stands_still(4.0, 4.5), FAIL, "limit t0+10.300 s"),
        Case("half a handshake", lambda: story().handshake("x-1", -1, hostile=True).exits(6), PASS, "1 clients"),
        Case("all cut early", lambda: all_cut_early().exits(0.2), PASS, "exit at t0+0.200 s"),
        Case("all cut early, and not watched", all_cut_early, UNKNOWN, "no client was connected"),
        Case("everybody left early", deserted, UNKNOWN, "no client was connected at the deadline (t0+5.000 s)"),
        Case(
            "and still it hangs", lambda: exiting(None).gives_up(9.0), FAIL, "no exit by t0+9.000 s (limit t0+7.000 s)"
        ),
        Case("not watched to the end", lambda: healthy().until(9.0), UNKNOWN, "not watched until it exited"),
        Case("a pass stands whatever the lag", lambda: healthy().lags(6.0, 0.3), PASS, "exit at t0+9.400 s"),
    ],
    18: [
        Case("once, at the end", healthy, PASS, "lifespan shutdown began once, at t0+9.300 s"),
        Case("twice", lambda: healthy().prints(9.35), FAIL, "began 2 times, first at t0+9.300 s and t0+9.350 s"),
        Case(
            "never",
            lambda: silent().prints(1.0, "draining"),
            FAIL,
            "lifespan shutdown never began: no line with",
        ),
        Case(
            "never, and it hung",
            lambda: silent().without("target", "exited").prints(1.0, "draining").gives_up(20.0),
            FAIL,
            "never began",
        ),
        Case(
            "while clients were connected",
            lambda: silent().prints(5.5),
            FAIL,
            "clients were still connected when lifespan shutdown began (t0+5.500 s); first",
        ),
        Case(
            "while clients were connected, and not watched to the end",
            lambda: silent().without("target", "exited").prints(5.5).under(processes=2),
            FAIL,
            "clients were still connected when lifespan shutdown began (t0+5.500 s)",
        ),
        Case(
            "as the target exits, and the ends of clients are seen later",
            lambda: silent().client("late", -1.0).gets_notice(0.1).is_evicted(9.9).prints(9.38),
            PASS,
            "began once, at t0+9.380 s",
        ),
        Case(
            "as the parent exits, and a worker's client is still connected",
            lambda: (
                silent()
                .client("late", -1.0)
                .gets_notice(0.1)
                .is_evicted(9.9)
                .prints(9.3)
                .prints(9.38)
                .under(processes=2)
            ),
            FAIL,
            "1 of",
        ),
        Case("as the last end arrives", lambda: silent().prints(8.1), PASS, "began once, at t0+8.100 s"),
        Case(
            "hostile clients see their end late",
            lambda: healthy().client("x-1", hostile=True).ends(9.9),
            PASS,
            "once",
        ),
        Case(
            "once in each worker",
            lambda: healthy().prints(7.0).under(processes=2),
            PASS,
            "lifespan shutdown began once in each of 2 processes, at t0+9.300 s",
        ),
        Case(
            "not in each worker",
            lambda: healthy().under(processes=2),
            FAIL,
            "lifespan shutdown began in 1 of 2 processes",
        ),
        Case(
            "three times in two workers",
            lambda: healthy().prints(9.31).prints(9.32).under(processes=2),
            FAIL,
            "began 3 times, first at t0+9.300 s and t0+9.310 s (limit 2)",
        ),
        Case("before t0 does not count", lambda: healthy().prints(-1.0), PASS, "began once"),
        Case("no output", silent, UNKNOWN, "no output of the target was captured"),
        Case(
            "not watched to the end",
            lambda: silent().without("target", "exited").prints(1.0, "draining"),
            UNKNOWN,
            "not watched until it exited",
        ),
        Case(
            "no output declared", lambda: healthy().under(logs=False), EXCLUDED, "output of the target is not captured"
        ),
        Case("no marker declared", lambda: healthy().under(shutdown_marker=None), EXCLUDED, "prints no line"),
    ],
    19: [
        Case(
            "started by something else",
            lambda: healthy().under(url="ws://127.0.0.1:8000"),
            EXCLUDED,
            "the harness did not start the target",
        ),
        Case("drained", healthy, PASS, "drained or evicted, it exited with 0 at t0+9.400 s (declared 0)"),
        Case(
            "with an error",
            lambda: deserted().without("target", "exited").exits(1.7, 1),
            FAIL,
            "exited with 1 at t0+1.",
        ),
        Case("forced", forced, PASS, "forced, it exited with 130 at t0+3.250 s (declared 130)"),
        Case(
            "forced, and silent about it",
            lambda: forced().without("target", "exited").exits(3.3),
            FAIL,
            "0 at t0+3.300",
        ),
        Case(
            "forced when nobody was there any more",
            lambda: deserted().without("target", "exited").ctrl_c(1.65).exits(1.7),
            PASS,
            "forced, it exited with 0 at t0+1.700 s (declared 130 or 0)",
        ),
        Case("in startup", lambda: story().exits(0.2, -15), PASS, "stopped in startup, it exited with -15"),
        Case("with an error in startup", lambda: story().exits(0.2, 3), FAIL, "with 3 at t0+0.200 s, not 0 or -15"),
        Case("with nobody there", lambda: story().is_up(-1).exits(0.2), PASS, "drained or evicted"),
        Case("no exit", lambda: hangs(20.0).exits(20.1, -9), UNKNOWN, "did not exit by itself"),
    ],
    20: [
        Case("nothing left", healthy, PASS, "no process was left, and the port could be bound at once"),
        Case(
            "processes and the port",
            lambda: story().leaves_behind(1.0, (41, 42), "address in use"),
            FAIL,
            "2 processes were left, first 41; the port could not be bound: address in use",
        ),
        Case("a process", lambda: story().leaves_behind(1.0, (41,)), FAIL, "1 processes were left, first 41"),
        Case(
            "the port",
            lambda: story().leaves_behind(1.0, (), "in use"),
            FAIL,
            "the port could not be bound: in use",
        ),
        Case(
            "had to be killed",
            lambda: story().gives_up(9.0).exits(9.1, -9).leaves_behind(9.2),
            FAIL,
            "still running when the harness gave up at t0+9.000 s",
        ),
        Case("nobody looked", lambda: story().exits(1.0), UNKNOWN, "what the target left behind was not looked at"),
        Case(
            "no deadline, and clients that read are still served", lambda: waits(), UNKNOWN, "declare drain_timeout_s"
        ),
        Case("no deadline, and only hostile clients are left", lambda: waits(hostile=True), FAIL, "still running"),
    ],
}


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_termination_is_judged_by_the_exit_and_what_is_left(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
