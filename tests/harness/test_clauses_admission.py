"""Clauses 1 to 4 on literal histories."""

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


def turning(first: float) -> Story:
    """A client that stays, and a readiness that turns only with the probe begun at `first`."""
    told = story().client("lingerer-1").ends(6.0)
    return told.probes("ready", 0.01, first - 0.1).probes("ready", first, 5.0, 503)


def joiner(name: str, began: float) -> Story:
    return healthy().handshake(name, began)


def cut_early() -> Story:
    """The server closes everybody at once, and its listener with them."""
    told = story().client("lingerer-1").is_evicted(0.01).client("lingerer-2").is_evicted(0.01)
    for i in range(5):
        told.handshake(f"late-{i}", 1.0 + i / 2).failed(1.001 + i / 2, "refused")
    return told.exits(0.1)


def forced_with_late_joiners() -> Story:
    told = forced()
    for i in range(6):
        told.handshake(f"late-{i}", 0.5 + i / 10).refused(0.51 + i / 10)
    return told


def refused_at(t: float) -> Story:
    return joiner("late-9", t - 0.001).failed(t, "refused")


def reset_late() -> Story:
    return joiner("late-9", 8.0).failed(8.3, "reset")


def parents_reset(t: float) -> Story:
    return joiner("late-9", 8.0).failed(t, "reset").under(parent_delay_s=0.1)


def ignorer(end: float) -> Story:
    """The last to go reads, and never answers its close frame."""
    return refused_at(8.5).client("close-ignorer-1", hostile=True).gets_notice(0.03).is_closed(8.0).ends(end)


def slow_reader(end: float) -> Story:
    return refused_at(8.5).client("slow-reader-1").gets_notice(0.03).is_closed(8.0).ends(end)


CASES: Cases = {
    1: [
        Case("503 in time and never 200 again", healthy, PASS, "503 at t0+0.012 s (limit 0.250 s), 41 probes"),
        Case("a parent's delay is granted", lambda: turning(0.6).under(parent_delay_s=0.6), PASS, "0.850"),
        Case("200 goes on after the limit", lambda: turning(1.0), FAIL, "a probe at t0+0.810 s got 200"),
        Case(
            "200 again after the first 503",
            lambda: healthy().probe("ready", 3.0, 200),
            FAIL,
            "1 of 42 readiness probes were not answered 503 from the first 503",
        ),
        Case(
            "an error that is no 503",
            lambda: healthy().probe("ready", 3.0, 500),
            FAIL,
            "a probe at t0+3.000 s got 500",
        ),
        Case(
            "refused while clients are connected",
            lambda: healthy().probe("ready", 3.0, None, "refused"),
            FAIL,
            "a probe at t0+3.000 s got refused",
        ),
        Case(
            "a hang from before the last client's end",
            lambda: healthy().probe("ready", 8.0, None, "timeout", took=1.0),
            FAIL,
            "a probe at t0+8.000 s got timeout",
        ),
        Case(
            "refused once the clients are gone",
            lambda: healthy().probe("ready", 8.2, None, "refused"),
            PASS,
            "42 probes",
        ),
        Case(
            "a probe that was answered too late",
            lambda: story().probe("ready", 0.1, 503, took=0.4).probe("ready", 1, 503).probe("ready", 2, 503),
            FAIL,
            "503 at t0+0.500 s (limit 0.250 s)",
        ),
        Case(
            "no 503 at all, for every probe failed",
            lambda: story().probes("ready", 0.01, 2.0, None, "reset").exits(2.5),
            FAIL,
            "no 503 in 11 probes",
        ),
        Case(
            "nobody asked in time",
            lambda: story().probes("ready", 1.0, 2.0, 503),
            UNKNOWN,
            "no readiness probe was begun early enough before the limit t0+0.250 s",
        ),
        Case("too few probes", lambda: story().probe("ready", 0.1, 503), UNKNOWN, "only 1 readiness probes"),
        Case("a lag that explains less", lambda: turning(1.0).lags(0.2, 0.08), FAIL, "a probe at t0+0.8"),
        Case("a harness that lagged afterwards", lambda: healthy().lags(0.5, 0.08), PASS, "503 at t0+0.012 s"),
        Case("no readiness declared", lambda: healthy().under(ready=None), EXCLUDED, "no readiness endpoint"),
        Case("no signal", lambda: healthy().without("target", "signal"), UNKNOWN, "never told to stop"),
    ],
    2: [
        Case("200 to the last client's end", healthy, PASS, "41 health probes and 41 metrics probes"),
        Case(
            "liveness follows readiness",
            lambda: healthy().probe("health", 4.0, 503),
            FAIL,
            "1 of 83 liveness and metrics probes were not answered 200 before the last client was gone"
            " (t0+8.132 s); first health at t0+4.000 s said 503",
        ),
        Case(
            "metrics are gone with the listener",
            lambda: healthy().probe("metrics", 4.0, None, "refused"),
            FAIL,
            "metrics at t0+4.000 s said refused",
        ),
        Case(
            "asked while the harness had stopped the target",
            lambda: healthy().probe("health", 4.0, None, "timeout", took=1.0).stands_still(4.1, 5.2),
            PASS,
            "metrics probes answered 200",
        ),
        Case(
            "hostile clients outlive the listener",
            lambda: healthy().client("x-1", hostile=True).probe("health", 8.6, None, "refused"),
            PASS,
            "until the last client was gone (t0+8.132 s)",
        ),
        Case(
            "a hang that outlives the clients",
            lambda: healthy().probe("health", 7.0, None, "timeout", took=5.0),
            FAIL,
            "health at t0+7.000 s said timeout",
        ),
        Case(
            "a probe in the last moment",
            lambda: healthy().probe("health", 8.1, None, "reset"),
            PASS,
            "41 health probes",
        ),
        Case(
            "a probe in the last moment as the harness saw it",
            lambda: healthy().probe("health", 8.04, None, "reset").lags(8.13, 0.06),
            PASS,
            "41 health probes",
        ),
        Case("too few probes", lambda: healthy().without("metrics"), UNKNOWN, "only 0 metrics probes"),
        Case(
            "only what is declared",
            lambda: healthy().without("metrics").under(metrics=None),
            PASS,
            "41 health probes answered 200",
        ),
        Case("nothing declared", lambda: healthy().under(health=None, metrics=None), EXCLUDED, "neither"),
    ],
    3: [
        Case("all refused in words", healthy, PASS, "6 handshakes begun between t0+0.012 s and t0+8.132 s"),
        Case(
            "a date to retry after",
            lambda: joiner("late-9", 2.0).refused(2.01, 503, DATE),
            PASS,
            "7 handshakes",
        ),
        Case("a bare 503", lambda: joiner("late-9", 2.0).refused(2.01, 503, None), FAIL, "got a bare 503"),
        Case(
            "a Retry-After that is none",
            lambda: joiner("late-9", 2.0).refused(2.01, 503, "soon"),
            FAIL,
            "late-9 at t0+2.000 s got 503 with Retry-After 'soon'",
        ),
        Case("let in", lambda: joiner("late-9", 2.0).opened(2.01), FAIL, "1 of 7 late handshakes"),
        Case("403", lambda: joiner("late-9", 2.0).refused(2.01, 403), FAIL, "late-9 at t0+2.000 s got 403"),
        Case("reset", lambda: joiner("late-9", 2.0).failed(2.01, "reset"), FAIL, "got reset"),
        Case("late words", lambda: joiner("late-9", 2.0).refused(3.2), FAIL, "got 503 after 1.200 s"),
        Case("a hang", lambda: joiner("late-9", 2.0).failed(4.0, "timeout"), FAIL, "hung for 2.000 s"),
        Case("a hang without an end", lambda: joiner("late-9", 2.0), FAIL, "hung for 7.500 s"),
        Case("begun when the record ends", lambda: joiner("late-9", 9.3), PASS, "6 handshakes"),
        Case(
            "reset by the closing listener",
            lambda: joiner("late-9", 8.0).failed(8.2, "reset"),
            PASS,
            "6 hand",
        ),
        Case("a listener that closes before the last close", lambda: refused_at(8.1), FAIL, "late-9 at t0+8.099 s got"),
        Case("reset before it", lambda: joiner("late-9", 8.09).failed(8.12, "reset"), FAIL, "late-9 at t0+8.090 s got"),
        Case("within what no lag record shows", lambda: refused_at(8.128), PASS, "6 handshakes"),
        Case("seen in that order by a harness that lagged", lambda: refused_at(8.1).lags(8.15, 0.03), PASS, "6 hand"),
        Case("reset long after it", lambda: reset_late().without("stalled"), FAIL, "got reset"),
        Case("or after the close of one that does not look", lambda: reset_late(), PASS, "6 handshakes"),
        Case(
            "not so long with a parent in between", lambda: parents_reset(8.3).without("stalled"), PASS, "6 handshakes"
        ),
        Case("the last close is that of a client that never answers", lambda: ignorer(9.1), FAIL, "late-9 at t0+8.499"),
        Case("or of one that looks seldom", lambda: slow_reader(8.54), PASS, "begun between t0+0.012 s and t0+8.540 s"),
        Case("but not so seldom", lambda: slow_reader(8.56), FAIL, "late-9 at t0+8.499"),
        Case("or it is not", lambda: ignorer(8.4), PASS, "begun between t0+0.012 s and t0+8.400 s"),
        Case(
            "refused after the last end",
            lambda: joiner("late-9", 8.5).failed(8.51, "refused"),
            PASS,
            "6 hand",
        ),
        Case("a bare 503 after it", lambda: joiner("late-9", 8.5).refused(8.51, 503, None), PASS, "6 hand"),
        Case("let in after it", lambda: joiner("late-9", 8.5).opened(8.51), FAIL, "got 101"),
        Case("an early cut shortens no duty", cut_early, FAIL, "5 of 5 late handshakes"),
        Case(
            "who closes a faulty client is not cutting early",
            lambda: (
                deserted()
                .client("ping-ignorer-1", hostile=True)
                .is_evicted(0.5, 1011)
                .handshake("late-1", 1.6)
                .failed(1.6, "refused")
            ),
            UNKNOWN,
            "only 0 handshakes",
        ),
        Case("too few", lambda: healthy().without("late-0").without("late-1"), UNKNOWN, "only 4 handshakes"),
        Case(
            "everybody gone before anybody can come late",
            lambda: story(drain_timeout_s=None, ready=None).client("lingerer-1").is_evicted(0.05).exits(0.1),
            UNKNOWN,
            "the last client had gone at t0+0.052 s, and only handshakes begun after t0+0.250 s come too late",
        ),
        Case("one that never meant to finish", lambda: healthy().handshake("mute-1", 2, True), PASS, "6 hand"),
        Case(
            "the door that an operator's force has closed",
            lambda: forced_with_late_joiners().handshake("late-9", 2.5).failed(2.51, "refused"),
            PASS,
            "6 handshakes begun between t0+0.250 s and t0+2.112 s were refused",
        ),
        Case(
            "the door when all were cut before the force",
            lambda: forced_with_late_joiners().client("x-1").ends(0.5).handshake("late-9", 1.7).failed(1.71, "refused"),
            FAIL,
            "late-9 at t0+1.700 s got refused",
        ),
        Case(
            "hostile handshakes are no joiners", lambda: healthy().handshake("x-1", 1.0, hostile=True), PASS, "6 hand"
        ),
        Case("a target that stood still", lambda: healthy().stands_still(1.0, 2.0), UNKNOWN, "had stopped the target"),
        Case("a pass stands whatever the lag", lambda: healthy().lags(4.0, 0.3), PASS, "6 handshakes"),
    ],
    4: [
        Case(
            "refused, or let in and told",
            healthy,
            PASS,
            "6 handshakes raced the signal: 3 joined and got a notice",
        ),
        Case(
            "let in and forgotten",
            lambda: healthy().without("racer-0", "notice"),
            FAIL,
            "1 of 6 handshakes that raced the signal got neither 503 with Retry-After nor 101 and then the notice;"
            " first racer-0 at t0-0.010 s got 101 and no notice",
        ),
        Case(
            "told after the close",
            lambda: (
                healthy().without("racer-0").handshake("racer-0", -0.01).opened(0.01).is_closed(5.1).gets_notice(5.2)
            ),
            FAIL,
            "got its notice only after its close frame",
        ),
        Case("reset", lambda: joiner("racer-9", -0.01).failed(0.01, "reset"), FAIL, "got reset"),
        Case("403", lambda: joiner("racer-9", -0.01).refused(0.01, 403), FAIL, "got 403"),
        Case("timed out", lambda: joiner("racer-9", -0.01).failed(4.0, "timeout"), FAIL, "hung"),
        Case("never answered", lambda: joiner("racer-9", -0.01), FAIL, "racer-9 at t0-0.010 s hung"),
        Case("settled before t0", lambda: joiner("racer-9", -0.02).refused(-0.01, 403), PASS, "6 handshakes"),
        Case(
            "one that left at once",
            lambda: joiner("racer-9", -0.01).opened(0.01).leaves(0.015),
            PASS,
            "6 handshakes",
        ),
        Case(
            "one that the record does not follow",
            lambda: story().handshake("racer-9", -0.01).opened(0.01).about("x").lags(0.5, 0.0),
            UNKNOWN,
            "only 0 handshakes",
        ),
        Case(
            "one whose answer the record does not reach",
            lambda: story().handshake("racer-9", -0.01).lags(0.2, 0.0),
            UNKNOWN,
            "only 0 handshakes",
        ),
        Case(
            "nobody was there to be served",
            lambda: story().handshake("racer-9", -0.01).failed(0.01, "refused").exits(0.01),
            UNKNOWN,
            "only 0 handshakes",
        ),
        Case("too few", lambda: healthy().without("racer-0").without("racer-3"), UNKNOWN, "only 4 handshakes"),
    ],
}
DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_admission_is_judged_by_what_was_answered_and_when(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
