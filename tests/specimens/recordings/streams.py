"""Recorded faults in long responses, against clauses 3, 5, 9 and 12.

The run that is recorded has no streams. Each fault adds one: an event stream that ticks, is told, and ends properly at
the deadline, but for the fault; the final report counts it.
"""

from __future__ import annotations

from typing import NamedTuple

from .recording import Recording
from .specimen import Missed, Subtle, specimen

NAME = "stream-1"
TICK_S = 0.1
BEFORE_S = 1.0
EVENT_STREAM = "text/event-stream"


class Life(NamedTuple):
    """When a stream is silent (seconds after t0), is told, and ends; and how."""

    silent_from_s: float = 1000.0
    notices: int = 1
    torn: bool = False
    ends_at: float | None = None
    complete: bool = True
    between: bool = True


def streaming(run: Recording, life: Life) -> Recording:
    """The same with an event stream under way at t0 that has such a life."""
    t0 = run.seen.t0
    ends_at = run.seen.evicts_at + 0.01 if life.ends_at is None else life.ends_at
    asked_at = t0 - BEFORE_S
    run = run.plus(asked_at, NAME, "requesting", path="/events", persona="stream", accept=EVENT_STREAM)
    run = run.plus(asked_at + 0.001, NAME, "opened", status=200, content_type=EVENT_STREAM, local_port=None)
    ticks = (asked_at + TICK_S * n for n in range(1, round((ends_at - asked_at) / TICK_S)))
    for t in ticks:
        run = run.plus(t, NAME, "event") if t < t0 + life.silent_from_s else run
    for n in range(life.notices):
        at = t0 + 0.05 + n / 10
        left = run.seen.evicts_at - at
        run = run.plus(at, NAME, "notice", deadline_s=left, reconnect_after_s=left / 2, torn=life.torn)
    run = run.plus(ends_at, NAME, "ended", how="eof", complete=life.complete, between=life.between)
    return run.reported(present=1, closed=1) if life.complete else run.reported(present=1, aborted=1)


@specimen("drain", {3}, Subtle.ONE_KIND, missed_before=Missed.NO_SUCH_CLIENT)
def a_new_event_stream_is_let_in(run: Recording) -> Recording:
    """While the server drains one request for an event stream gets one, and all WebSockets are refused."""
    began = run.seen.evicts_at - 0.5
    run = run.plus(began, "late-stream-1", "requesting", path="/events", persona="late-stream", accept=EVENT_STREAM)
    run = run.plus(began + 0.01, "late-stream-1", "opened", status=200, content_type=EVENT_STREAM, local_port=None)
    return run.plus(began + 0.01, "late-stream-1", "ended", how="local", complete=False, between=True)


@specimen("drain", {5}, Subtle.ONE_KIND, missed_before=Missed.NO_SUCH_CLIENT)
def an_event_stream_is_not_told(run: Recording) -> Recording:
    """An event stream has no notice, and every WebSocket has one."""
    return streaming(run, Life(notices=0))


@specimen("drain", {5}, Subtle.SECOND_TIME, missed_before=Missed.NO_SUCH_CLIENT)
def an_event_stream_is_told_twice(run: Recording) -> Recording:
    """An event stream has its notice a second time, 0.1 s after the first."""
    return streaming(run, Life(notices=2))


@specimen("drain", {5}, Subtle.ON_ITS_WAY, missed_before=Missed.NO_SUCH_CLIENT)
def a_notice_is_put_into_an_event(run: Recording) -> Recording:
    """The notice of an event stream comes while an event is on its way, in the middle of that."""
    return streaming(run, Life(torn=True))


@specimen("drain", {9}, Subtle.ONE_KIND, missed_before=Missed.NO_SUCH_CLIENT)
def an_event_stream_falls_silent(run: Recording) -> Recording:
    """From 0.2 s after the signal on an event stream has no event, and stays open to the deadline."""
    return streaming(run, Life(silent_from_s=0.2))


@specimen("drain", {12}, Subtle.JUST_BEYOND, missed_before=Missed.NO_SUCH_CLIENT)
def an_event_stream_ends_50_ms_early(run: Recording) -> Recording:
    """An event stream ends properly, 50 ms before the deadline."""
    return streaming(run, Life(ends_at=run.seen.evicts_at - 0.05))


@specimen("drain", {12}, Subtle.ONLY_EVICTING, missed_before=Missed.NO_SUCH_CLIENT)
def an_event_stream_has_no_end(run: Recording) -> Recording:
    """At the deadline an event stream is cut off between two events: its body has no end."""
    return streaming(run, Life(complete=False))


@specimen("drain", {12}, Subtle.ON_ITS_WAY, missed_before=Missed.NO_SUCH_CLIENT)
def an_event_is_cut_in_two(run: Recording) -> Recording:
    """At the deadline an event stream ends properly, in the middle of an event."""
    return streaming(run, Life(between=False))


@specimen("drain", {28}, Subtle.ONE_KIND, missed_before=Missed.NO_SUCH_CLIENT)
def the_report_counts_an_event_stream_twice(run: Recording) -> Recording:
    """The final report counts the one event stream twice, and adds up all the same."""
    return streaming(run, Life()).reported(present=1, closed=1)
