"""Clause 27 on literal histories."""

from __future__ import annotations

from collections.abc import Callable

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
    left_at,
    story,
    without_deadline,
)

MOMENTS = (0.05, 2.05, 4.05, 5.01, 7.01, 8.2, 9.25)


def saying(*moments: float) -> Story:
    told = healthy().without("target", "line").prints(-3.0, "INFO:     Started server process")
    for t in moments:
        told.progress(t, left_at(t))
    return told


def times_left(at: Callable[[float], float]) -> Story:
    told = healthy().without("target", "line").prints(-3.0, "INFO:     Started server process")
    for t in MOMENTS:
        phase = "draining" if t < 5 else "evicting" if left_at(t) else "stopped"
        told.prints(t, f"INFO:     {phase}: {left_at(t)} connections left, {max(0, at(t)):.1f} s at most")
    return told


def but(*left_out: float) -> Story:
    return saying(*(t for t in MOMENTS if t not in left_out))


def of_one_phase(at: float) -> Story:
    """The line at one moment is any line: it still names the first phase."""
    return but(at).progress(at, left_at(at), phase="draining")


def closed_late(evicting: float = 6.5) -> Story:
    """The first close comes at 6.51 s."""
    told = story().prints(-1.0, "INFO:     Started server process").client("lingerer-1").is_evicted(6.51)
    for t in (0.05, 2.05, 4.05, 6.05):
        told.progress(t, 1, phase="draining")
    return told.progress(evicting, int(evicting < 6.6), phase="evicting").exits(7.4)


def without_phases() -> Story:
    return saying(*MOMENTS).under(progress_pattern=r"(?P<left>\d+) connections left")


def standing_still(left: int, until: float) -> Story:
    told = healthy().without("target", "line").prints(-3.0, "INFO:     Started server process")
    for t in MOMENTS:
        told.progress(t, left if t < until else left_at(t), phase="evicting" if t > 5 else "draining")
    return told


def two_workers(one: dict[float, int], two: dict[float, int]) -> Story:
    told = healthy().without("target", "line").prints(-3.0, "INFO:     Started parent process").under(processes=2)
    for worker, said in ((1, one), (2, two)):
        for t, left in said.items():
            told.progress(t, left, worker)
    return told


ALL_OF_IT = {t: min(66, left_at(t)) for t in MOMENTS}
UNTIL_EMPTY = {0.06: 6, 2.06: 0}
HALF_OF_IT = {t: left_at(t) // 2 for t in MOMENTS}
THE_OTHERS = {t + 0.01: left_at(t) - left_at(t) // 2 for t in MOMENTS}


def talkative(lines: int, text: str = "INFO:     connection closed", to: Callable[[], Story] = healthy) -> Story:
    told = to()
    for i in range(lines):
        told.prints(1.0 + i / 100, text)
    return told


NEWCOMER_LINES = ('INFO:     127.0.0.1:7 - "WebSocket /ws" [accepted]', "INFO:     connection open")


def racers(number: int, lines: tuple[str, ...]) -> Story:
    """Clients whose handshakes race with the signal and are let in after it, each with some lines in the log."""
    told = healthy()
    for i in range(number):
        told.handshake(f"racer-{i + 10}", -0.01).opened(0.01).gets_notice(0.02).leaves(0.03)
        for line in lines:
            told.prints(0.035, line)
    return told


def limited_by_requests() -> Story:
    told = healthy().without("target", "signal").about("target").add(0.0, "cause", cause="request limit", requests=40)
    told.events = [event for event in told.events if event[1] not in ("ready", "health", "metrics", "broadcast")]
    for i in range(40):
        told.prints(0.01 + i / 1000, 'INFO: "GET /health HTTP/1.1" 200 OK')
    return told


CASES: Cases = {
    27: [
        Case(
            "at each phase and in between",
            healthy,
            PASS,
            "7 progress lines, the first at t0+0.050 s; 9 lines after t0 that are not about a request, with 69 clients",
        ),
        Case("everybody left", deserted, PASS, "2 progress lines"),
        Case("forced", forced, PASS, "3 progress lines"),
        Case(
            "each of two workers says so itself",
            lambda: two_workers(HALF_OF_IT, THE_OTHERS),
            PASS,
            "14 progress lines, the first at t0+0.050 s",
        ),
        Case("a worker that was empty before", lambda: two_workers(ALL_OF_IT, UNTIL_EMPTY), PASS, "9 progress lines"),
        Case(
            "a worker that says nothing",
            lambda: two_workers(ALL_OF_IT, {}),
            FAIL,
            "progress lines of only 1 of 2 processes",
        ),
        Case(
            "workers without names",
            lambda: healthy().under(processes=2),
            FAIL,
            "progress lines of only 1 of 2 processes",
        ),
        Case(
            "a worker that says nothing at the deadline",
            lambda: two_workers(ALL_OF_IT, {0.06: 32, 2.06: 31, 4.06: 31, 6.5: 3, 8.2: 0}),
            FAIL,
            "worker 2: no progress line within 1.000 s of the deadline",
        ),
        Case(
            "a worker that never says that it is empty",
            lambda: two_workers(ALL_OF_IT, {0.06: 32, 2.06: 31}),
            FAIL,
            "worker 2: no progress line between t0+2.060 s and t0+8.132 s",
        ),
        Case(
            "a worker that counts more",
            lambda: two_workers(ALL_OF_IT, {0.06: 32, 2.06: 39, 2.5: 0}),
            FAIL,
            "first the target at t0+2.060 s counted worker 2: 39 left after 32",
        ),
        Case("nothing at t0", lambda: but(0.05), FAIL, "no progress line within 1.000 s of t0"),
        Case("a parent's delay", lambda: saying(1.1, *MOMENTS[1:]).under(parent_delay_s=0.2), PASS, "at t0+1.100 s"),
        Case(
            "nothing at the deadline", lambda: but(5.01), FAIL, "no progress line within 1.000 s of the deadline (t0+5."
        ),
        Case("nothing at all", lambda: but(*MOMENTS), FAIL, "s of t0; no progress line within 1.000 s of"),
        Case("nothing, and gone at once", lambda: story().prints(0.1).exits(0.2), FAIL, "within 1.000 s of t0"),
        Case(
            "nothing after the last client",
            lambda: but(8.2, 9.25).without("target", "exited").exits(9.4),
            FAIL,
            "no progress line from the last client's end (t0+8.132 s) to the exit",
        ),
        Case(
            "gone soon after the last client",
            lambda: but(8.2, 9.25).without("target", "exited").exits(9),
            PASS,
            "5 pro",
        ),
        Case(
            "too long a silence",
            lambda: but(2.05, 4.05),
            FAIL,
            "no progress line between t0+0.050 s and t0+5.010 s (limit 2.250 s)",
        ),
        Case("one left out of three", lambda: but(2.05), FAIL, "between t0+0.050 s and t0+4.050 s (limit 2.250 s)"),
        Case(
            "any line at the deadline",
            lambda: of_one_phase(5.01).without("target", "exited").exits(6.5),
            FAIL,
            "no progress line within 1.000 s of the deadline (t0+5.000 s)",
        ),
        Case("a line when the first is closed, though late", closed_late, PASS, "5 progress lines"),
        Case("and none then", lambda: closed_late(7.6), FAIL, "no progress line within 1.000 s of the deadline"),
        Case("lines that name no phase", without_phases, PASS, "7 progress lines"),
        Case(
            "a number that stands still",
            lambda: standing_still(72, 9.5),
            FAIL,
            "6 of 7 progress lines count other connections left than there were;"
            " first the target at t0+2.050 s counted 72 left, and the clients 65 to 67",
        ),
        Case(
            "one that lags behind",
            lambda: standing_still(66, 8.0),
            FAIL,
            "1 of 7 progress lines count other connections left than there were;"
            " first the target at t0+7.010 s counted 66 left, and the clients 22 to 32",
        ),
        Case(
            "two workers whose numbers come to too few",
            lambda: two_workers(HALF_OF_IT, UNTIL_EMPTY),
            FAIL,
            "the clients",
        ),
        Case(
            "a number that the lag explains",
            lambda: (
                saying(*MOMENTS[:4], 7.01)
                .progress(7.4, left_at(7.01))
                .progress(8.2, 1)
                .progress(9.25, 0)
                .lags(7.4, 0.2)
            ),
            UNKNOWN,
            "harness and target waited for the machine meanwhile: 1 of 8 progress lines count other connections",
        ),
        Case(
            "a number that nothing explains",
            lambda: saying(*MOMENTS[:4], 7.01).progress(7.4, left_at(7.01)).progress(8.2, 1).progress(9.25, 0),
            FAIL,
            "1 of 8 progress lines count other connections",
        ),
        Case(
            "more and more",
            lambda: healthy().progress(6.0, 72),
            FAIL,
            "1 of 8 progress lines count more connections left than there could be;"
            " first the target at t0+6.000 s counted 72 left after 65",
        ),
        Case("as many more as joined", lambda: healthy().progress(0.02, 69), PASS, "8 progress lines"),
        Case(
            "a line a client",
            lambda: talkative(69),
            FAIL,
            "78 lines after t0 that are not about a request, with 69 clients (limit 25)",
        ),
        Case(
            "a line a client that came while a parent passed the signal on",
            lambda: talkative(69).under(parent_delay_s=1.7),
            PASS,
            "8 lines after t0 that are not about a request, with 69 clients",
        ),
        Case("a line a client after that", lambda: talkative(69).under(parent_delay_s=0.9), FAIL, "lines after t0"),
        Case("the requests that stopped it", lambda: limited_by_requests(), PASS, "9 lines"),
        Case("a line for each fourth client", lambda: talkative(16), FAIL, "25 lines after t0"),
        Case("a line a request", lambda: talkative(69, 'INFO: "GET /ready HTTP/1.1" 503'), PASS, "9 lines"),
        Case(
            "more than a line a request", lambda: talkative(200, 'INFO: "GET /ready HTTP/1.1" 503'), FAIL, "lines after"
        ),
        Case(
            "one that was not told how often, and keeps to ten seconds",
            lambda: saying(0.05, 5.05, 6.2, 8.2).under(progress_env=None),
            PASS,
            "4 progress lines",
        ),
        Case("a time left that rises", lambda: times_left(lambda t: t), FAIL, "said 4 s left"),
        Case("one that stays", lambda: times_left(lambda _: 5.0), FAIL, "progress lines say a time left that does not"),
        Case("one to the very end, in whole seconds", lambda: times_left(lambda t: round(9 - t)), PASS, "7 progress"),
        Case("two lines a newcomer", lambda: racers(26, NEWCOMER_LINES), PASS, "9 lines after t0"),
        Case("three lines a newcomer", lambda: racers(26, (*NEWCOMER_LINES, "opened")), FAIL, "29 lines after t0"),
        Case("two lines a newcomer, about something else", lambda: racers(26, ("a", "b")), FAIL, "61 lines after t0"),
        Case("few clients", lambda: talkative(69, to=deserted), PASS, "with 6 clients"),
        Case("not watched to the end", lambda: healthy().until(7.5), UNKNOWN, "not watched until it exited"),
        Case("watched for a moment", lambda: healthy().until(0.04), UNKNOWN, "not watched until it exited"),
        Case("it did not go", lambda: healthy().without("target", "exited").gives_up(20.0), PASS, "7 progress lines"),
        Case("a pass stands whatever the lag", lambda: healthy().lags(5.5, 0.3), PASS, "7 progress lines"),
        Case("no output", lambda: healthy().without("target", "line"), UNKNOWN, "no output of the target was captured"),
        Case("no output declared", lambda: healthy().under(logs=False), EXCLUDED, "declares no progress lines"),
        Case(
            "none declared", lambda: healthy().under(progress_interval_s=None), EXCLUDED, "declares no progress lines"
        ),
        Case(
            "a deadline that nobody declared",
            lambda: without_deadline(saying(*MOMENTS[:3], 6.2, *MOMENTS[4:])),
            PASS,
            "7 lines",
        ),
    ],
}


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_progress_is_judged_by_when_lines_came_and_what_they_counted(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
