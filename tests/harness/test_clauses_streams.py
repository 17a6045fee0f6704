"""Clauses 3, 5, 9, 12, 16 and 17 on literal histories with long responses: event streams and downloads."""

from __future__ import annotations

from typing import Any

import pytest

from harness.clauses import CLAUSES, Verdict, judge
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

TICKS = [-0.9 + 0.2 * n for n in range(30)]


def streaming(*ticks: float, notice: float | None = 0.03) -> Story:
    """A healthy drain with one event stream under way."""
    told = healthy().stream("stream-1").has_events(*ticks)
    return told if notice is None else told.gets_notice(notice, reconnect_after_s=1.0)


def ticking(since: float = -1.0, until: float = 5.0) -> Story:
    return streaming(*(t for t in TICKS if since < t < until))


def downloading() -> Story:
    return healthy().download("stream-1")


def late(began: float = 1.0) -> Story:
    return healthy().asks_for_a_stream("late-stream-1", began, "text/event-stream")


def held_by_a_stream(gave_up: float = 20.0, **terms: float | None) -> Story:
    """A target whose clients were closed, and which waits for an event stream until it is killed."""
    told = story().under(**terms)
    for i in range(4):
        told.client(f"lingerer-{i}").gets_notice(0.03).is_evicted(5.1)
    told.gives_up(gave_up).stream("stream-1").gets_notice(0.03)
    return told.body_ends(gave_up + 0.1, complete=False)


def cut_by(t: float, **how: Any) -> Story:
    return streaming().body_ends(t, **({"complete": False} | how))


def refused_with_a_line(count: int) -> Story:
    """Nothing is asked for but event streams, each of them refused with a line in the access log."""
    told = healthy().without("ready").without("health").without("metrics").without("broadcast")
    for n in range(count):
        told.asks_for_a_stream(f"late-stream-{n}", 1.0).refused(1.01)
        told.prints(1.01, 'INFO:     127.0.0.1:50000 - "GET /events HTTP/1.1" 503 Service Unavailable')
    return told


def reported(told: Story, left: int, closed: int, aborted: int) -> Story:
    """With a report of so many, of whom one more was present than in a healthy drain."""
    told.events = [event for event in told.events if event[2] != "line" or "drain.report" not in event[3]["text"]]
    return told.reports(9.26, 70, 3, left, closed, aborted)


CASES: Cases = {
    3: [
        Case(
            "an event stream refused as well",
            lambda: late().refused(1.01),
            PASS,
            "limit 1.000 s); 1 of them asked for an event stream",
        ),
        Case(
            "one let in",
            lambda: late().begins(1.01).body_ends(1.02, "local", complete=False),
            FAIL,
            "1 of 7 late handshakes did not get 503 with Retry-After within 1.000 s (owed if begun between t0+0.012 s"
            " and t0+8.132 s); first late-stream-1 at t0+1.000 s got 200",
        ),
        Case("a bare 503", lambda: late().refused(1.01, retry_after=None), FAIL, "late-stream-1 at t0+1.000 s got a b"),
        Case("one that hangs", lambda: late().failed(3.0, "timeout"), FAIL, "hung for 2.000 s"),
        Case("one that is cut", lambda: late().failed(1.1, "eof"), FAIL, "late-stream-1 at t0+1.000 s got eof"),
        Case("one before the horizon", lambda: late(0.001).begins(0.002).body_ends(0.003, "local"), PASS, "were refu"),
        Case(
            "owed while the last stream is there",
            lambda: story().stream("stream-1").body_ends(5.1),
            UNKNOWN,
            "only 0 handshakes begun between t0+0.250 s and t0+5.100 s",
        ),
    ],
    5: [
        Case("an event stream told once", lambda: streaming().body_ends(5.1), PASS, "69 clients got one notice"),
        Case(
            "one that is not told",
            lambda: streaming(notice=None).body_ends(5.1),
            FAIL,
            "1 of 73 clients did not get exactly one notice, in time and in full; first stream-1 at t0+5.100 s had no"
            " notice until it was gone",
        ),
        Case(
            "told twice", lambda: streaming().gets_notice(0.5).body_ends(5.1), FAIL, "stream-1 at t0+0.030 s got 2 no"
        ),
        Case(
            "told in the middle of an event",
            lambda: streaming(notice=None).gets_torn_notice(0.03).body_ends(5.1),
            FAIL,
            "stream-1 at t0+0.030 s got its notice in the middle of another event",
        ),
        Case(
            "told late", lambda: streaming(notice=None).gets_notice(2.0, 4.9), FAIL, "with 4.900 s left, and it was 3"
        ),
        Case("told nothing in words", lambda: streaming(notice=None).gets_notice(0.1, "soon"), FAIL, "with 'soon'"),
        Case("one that leaves soon", lambda: streaming(notice=None).body_ends(0.9, "local"), PASS, "68 clients got"),
        Case("one that leaves later", lambda: streaming(notice=None).body_ends(1.1, "local"), FAIL, "had no notice"),
        Case("one of another stop", lambda: streaming(notice=-0.5).body_ends(-0.4), PASS, "68 clients got"),
        Case("a download is not told", lambda: downloading().body_ends(5.1), PASS, "68 clients got one notice"),
        Case("a newcomer is not told", lambda: late().begins(1.01).body_ends(1.02, "local"), PASS, "68 clients got"),
    ],
    9: [
        Case(
            "events as before", lambda: ticking().body_ends(5.1), PASS, "replies reached 2 clients, events reached 1 cl"
        ),
        Case(
            "none from the signal on",
            lambda: ticking(until=0.0).body_ends(5.1),
            FAIL,
            "1 of 133 due broadcasts, notifications and replies, and events of streams, did not come, or were refused,"
            " between t0+0.250 s and t0+4.900 s; first stream-1 at t0-0.100 s had no event for 5.000 s (limit 2.000 s)",
        ),
        Case(
            "a pause in the middle",
            lambda: streaming(*(t for t in TICKS if not 1.4 < t < 3.6)).body_ends(5.1),
            FAIL,
            "stream-1 at t0+1.300 s had no event for 2.400 s",
        ),
        Case(
            "a pause that the harness's lag explains",
            lambda: streaming(*(t for t in TICKS if not 1.4 < t < 3.6)).body_ends(5.1).lags(3.0, 1.0),
            UNKNOWN,
            "the harness itself lagged 1.000 s",
        ),
        Case("too few before", lambda: streaming(-0.5, -0.1).body_ends(5.1), PASS, "replies reached 2 clients between"),
        Case("one that leaves", lambda: ticking(until=1.0).body_ends(1.0, "local"), PASS, "events reached 1 clients"),
        Case("one that leaves at once", lambda: ticking(until=0).body_ends(0.1, "local"), PASS, "2 clients between"),
        Case("a download has no events", lambda: downloading().body_ends(5.1), PASS, "replies reached 2 clients betw"),
        Case(
            "a target that stood still",
            lambda: ticking(until=0.0).body_ends(5.1).stands_still(1.0, 2.0),
            PASS,
            "replies reached 2 clients between",
        ),
    ],
    12: [
        Case(
            "an event stream that ends at the deadline",
            lambda: streaming().body_ends(5.01),
            PASS,
            "the first close by the server came at t0+5.010 s; 1 streams ended as they should",
        ),
        Case(
            "before it",
            lambda: streaming().body_ends(4.9),
            FAIL,
            "1 of 72 clients were closed before the deadline (t0+5.000 s); first stream-1 at t0+4.900 s came to its end"
            " between two events",
        ),
        Case(
            "cut before it",
            lambda: cut_by(2.0, between=False),
            FAIL,
            "stream-1 at t0+2.000 s was cut off in the middle of an event",
        ),
        Case("ended before t0", lambda: streaming(notice=None).body_ends(-0.5), PASS, "the first close by the server"),
        Case(
            "cut at the deadline",
            lambda: cut_by(5.01),
            FAIL,
            "1 of 72 clients were closed before the deadline (t0+5.000 s), or are streams that did not end as they"
            " should from then on; first stream-1 at t0+5.010 s was cut off between two events",
        ),
        Case("reset at the deadline", lambda: cut_by(5.01, how="reset"), FAIL, "was cut off between two events"),
        Case("ended in an event", lambda: streaming().body_ends(5.01, between=False), FAIL, "came to its end in the m"),
        Case("left by its client", lambda: cut_by(1.0, how="local"), PASS, "t0+5.010 s"),
        Case("a download that is complete", lambda: downloading().body_ends(3.0), PASS, "1 streams ended as they"),
        Case(
            "one that is cut before the deadline",
            lambda: downloading().body_ends(3.0, complete=False),
            FAIL,
            "stream-1 at t0+3.000 s was cut off before its last byte",
        ),
        Case("at the deadline", lambda: downloading().body_ends(5.0, complete=False), PASS, "1 streams ended as they"),
        Case("never ended", held_by_a_stream, FAIL, "1 of 5 clients were closed before the deadline (t0+5.000 s), or "),
        Case(
            "never ended by a target that does not say when it ends it",
            lambda: held_by_a_stream(evict_per_s=None),
            PASS,
            "4 clients stayed until the deadline",
        ),
        Case("not watched to its end", lambda: held_by_a_stream(4.0).add(6.0, "mark", name=""), PASS, "4 clients st"),
    ],
    16: [
        Case(
            "a stream that left early", lambda: deserted().stream("stream-1").body_ends(1.2, "local"), PASS, "7 clien"
        ),
        Case(
            "one that stayed", lambda: deserted().stream("stream-1").body_ends(1.2), UNKNOWN, "1 of 7 clients did not"
        ),
    ],
    17: [
        Case("a stream counts", lambda: streaming().body_ends(5.01), PASS, "67 clients were connected at the deadline"),
        Case(
            "one that holds the process",
            held_by_a_stream,
            FAIL,
            "no exit by t0+20.000 s (limit t0+7.250 s); 5 clients were connected at the deadline",
        ),
        Case(
            "for as long as nothing declared forbids",
            lambda: held_by_a_stream(gave_up=70.0, evict_per_s=None),
            UNKNOWN,
            "1 clients that read were still served at t0+70.000 s, first stream-1",
        ),
    ],
    27: [
        Case(
            "refused streams may have a line each",
            lambda: refused_with_a_line(20),
            PASS,
            "; 9 lines after t0",
        ),
        Case(
            "a stream may be counted among those left", lambda: streaming().progress(2.95, 67), PASS, "8 progress lin"
        ),
        Case("and need not be", lambda: streaming().progress(2.95, 66), PASS, "8 progress lines"),
        Case(
            "where there is one",
            lambda: healthy().progress(2.95, 67),
            FAIL,
            "counted 67 left, and the clients 65 to 66",
        ),
    ],
    28: [
        Case(
            "a stream counts", lambda: reported(streaming().body_ends(5.01), 6, 66, 1), PASS, "as 73 clients count it"
        ),
        Case(
            "and may not be forgotten", lambda: streaming().body_ends(5.01), FAIL, "present + raced_in is 72, and the"
        ),
        Case(
            "one that is cut off", lambda: reported(cut_by(5.01), 6, 65, 2), PASS, "aborted 2, as 73 clients count it"
        ),
        Case("counted as closed", lambda: reported(cut_by(5.01), 6, 66, 1), FAIL, "closed is 66, and"),
        Case("one that leaves", lambda: reported(streaming().body_ends(2.0, "local"), 7, 65, 1), PASS, "left 7"),
        Case(
            "a download that is finished", lambda: reported(downloading().body_ends(4), 7, 65, 1), PASS, "left 7, clo"
        ),
        Case(
            "or cut off with its last byte", lambda: reported(downloading().body_ends(4.9), 6, 65, 2), PASS, "aborted 2"
        ),
        Case("well before", lambda: reported(downloading().body_ends(4), 6, 65, 2), FAIL, "aborted is 2, and the cli"),
    ],
}


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_a_long_response_is_a_client_as_well(number: int, case: Case) -> None:
    check(CLAUSES[number], case)


def test_a_stream_without_a_deadline_is_not_judged_by_when_it_ends() -> None:
    ruling = judge(without_deadline(streaming().body_ends(0.1, complete=False)).history(), (12,))[0]
    assert ruling.verdict is Verdict.EXCLUDED


def test_a_stream_that_was_never_ended_follows_from_the_process_that_had_to_be_killed() -> None:
    rulings = {ruling.id: ruling for ruling in judge(held_by_a_stream().history(), (12, 17, 20))}
    assert [(number, ruling.follows_from) for number, ruling in rulings.items()] == [(12, 17), (17, None), (20, 17)]


def test_a_stream_that_is_treated_well_changes_no_verdict() -> None:
    told = reported(ticking().body_ends(5.01), 6, 66, 1)
    alone = {ruling.id: ruling.verdict for ruling in judge(healthy().history(), CLAUSES)}
    streamed = {ruling.id: ruling.verdict for ruling in judge(told.history(), CLAUSES)}
    assert streamed == alone
