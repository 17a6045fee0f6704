"""Recorded faults against clauses 9 to 11: what clients are owed while they are there, and when they leave."""

from __future__ import annotations

from .recording import Recording
from .specimen import Missed, Subtle, specimen

BY_POST = "broadcast"
SAME_CODES = (1000, 1005)  # a client that closes with either may be answered 1000


@specimen("drain", {9}, Subtle.ONE_KIND, missed_before=Missed.BY_JUDGES)
def one_kind_misses_a_notification(run: Recording) -> Recording:
    """While the server drains, clients of one kind miss one periodic notification."""
    since = run.seen.t0 + 0.8
    return run.without(*(run.first(client.name, "notified", since=since) for client in run.stayers("late_answerer")))


@specimen("drain", {9}, Subtle.ONE_IN_FIFTY, missed_before=Missed.BY_JUDGES)
def one_post_is_refused_while_draining(run: Recording) -> Recording:
    """One POST of a broadcast is refused with 503 while the server drains, all others are accepted."""
    return run.changed(run.first(BY_POST, "posted", since=run.seen.t0 + 0.7), status=503)


@specimen("drain", {10}, Subtle.ONLY_EVICTING)
def one_client_hears_a_broadcast_twice(run: Recording) -> Recording:
    """While clients are evicted, one of them hears one broadcast again."""
    heard = run.first(run.stayers("lingerer")[-1].name, "heard", since=run.seen.evicts_at)
    return run.plus(heard.t + 0.01, heard.who, "heard", **heard.detail)


@specimen("drain", {10}, Subtle.ONE_IN_FIFTY)
def one_client_misses_a_late_broadcast(run: Recording) -> Recording:
    """While clients are evicted, one that is still there misses one broadcast that was posted."""
    heard = run.events(run.stayers("lingerer")[-1].name, "heard", since=run.seen.evicts_at)
    return run.without(next(event for event in heard if event.detail["sender"] == BY_POST))


@specimen("drain", {10}, Subtle.ON_ITS_WAY, missed_before=Missed.BY_JUDGES)
def one_broadcast_does_not_overtake_the_close(run: Recording) -> Recording:
    """One client does not hear what was accepted less than 0.2 s before it was sent its close frame."""
    client = run.stayers("lingerer")[0]
    assert client.close_received is not None
    closed_at = client.close_received.t
    late = run.events(client.name, "heard", since=closed_at - 0.2, until=closed_at - 0.03)
    return run.without(*late)


@specimen("drain", {10}, Subtle.ON_ITS_WAY)
def the_last_words_before_the_close_are_unanswered(run: Recording) -> Recording:
    """What one busy sender said last, 0.3 s before its close frame, is not answered."""
    busy = run.stayers("busy")[-1]
    assert busy.close_received is not None
    n = run.last(busy.name, "sent", until=busy.close_received.t - 0.3).detail["n"]
    return run.without(*(answer for answer in run.events(busy.name, "answered") if answer.detail["n"] >= n))


@specimen("drain", {11}, Subtle.ONLY_EVICTING)
def one_late_leaver_is_answered_with_another_code(run: Recording) -> Recording:
    """A client that leaves while others are evicted, with a code of its own, is answered 1000."""
    late = (client for client in run.seen.readers if client.own_close and client.own_close.t > run.seen.evicts_at)
    closes = ((c.name, c.own_close, c.close_received) for c in late if c.left_at is not None)
    name = next(who for who, own, got in closes if own and got and own.code == got.code not in SAME_CODES)
    return run.changed(run.first(name, "close_received"), code=1000)
