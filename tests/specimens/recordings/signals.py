"""Recorded faults against clauses 21 to 26: whatever tells the server to stop, how often, and at what moment."""

from __future__ import annotations

from harness.history.events import Event

from .recording import Recording
from .specimen import Missed, Subtle, specimen

GOING_AWAY = 1001


def _notice_again(run: Recording, order: Event) -> Recording:
    """One client gets its notice a second time, upon a further signal."""
    notice = run.first(run.stayers("lingerer")[0].name, "notice")
    left_s = run.seen.evicts_at - order.t
    return run.plus(max(order.t, notice.t) + 0.02, notice.who, "notice", **notice.detail | {"deadline_s": left_s})


@specimen("hundred_sigterms", {5, 21}, Subtle.SECOND_TIME)
def one_client_hears_of_the_second_sigterm(run: Recording) -> Recording:
    """Upon a second SIGTERM one client gets a second notice."""
    return _notice_again(run, run.seen.orders[1])


@specimen("ctrl_c_twice", {5, 22}, Subtle.SECOND_TIME, missed_before=Missed.NO_SUCH_SCENARIO)
def one_client_hears_of_the_second_ctrl_c(run: Recording) -> Recording:
    """When Ctrl+C is pressed again within a second, one client gets a second notice."""
    return _notice_again(run, run.seen.orders[-1])


@specimen("operator_forces", {23}, Subtle.JUST_BEYOND)
def one_client_is_closed_a_tenth_too_late_when_forced(run: Recording) -> Recording:
    """Where an operator forces the stop, one client gets its close frame only after 1.1 s."""
    client, forced_at = run.stayers("lingerer")[0], run.seen.forced_at
    assert client.close_received is not None
    assert forced_at is not None
    closing = run.events(client.name, "close_received", "close_sent", "ended")
    return run.moved(forced_at + 1.1 - client.close_received.t, closing).recounted(run)


@specimen("stopped_in_startup", {24}, Subtle.SECOND_TIME)
def is_ready_once_after_a_stop_in_startup(run: Recording) -> Recording:
    """Told to stop in startup, the server answers one readiness probe with 200 before it exits."""
    began = run.seen.t0 + 0.05
    return run.plus(began + 0.002, "ready", "answered", began=began, status=200, error=None)


@specimen("stopped_in_startup", {24}, Subtle.JUST_BEYOND)
def exits_a_tenth_too_late_from_startup(run: Recording) -> Recording:
    """Told to stop in startup, the server exits after 1.1 s."""
    return run.exits_at(run.seen.t0 + 1.1)


@specimen("request_limit", {5, 25}, Subtle.ONE_IN_FIFTY)
def one_client_gets_no_notice_without_a_signal(run: Recording) -> Recording:
    """Where the limit of requests stops the server, one client gets no notice."""
    return run.without(run.first(run.stayers("lingerer")[0].name, "notice"))


@specimen("request_limit", {13, 25, 28}, Subtle.ONE_KIND)
def those_who_talk_get_1001_without_a_signal(run: Recording) -> Recording:
    """Where the limit of requests stops the server, clients that talk are closed with 1001, all others with 1012."""
    closes = [run.first(client.name, "close_received") for client in run.stayers("talker")]
    return run.changed(*closes, code=GOING_AWAY)


@specimen("frozen_across_the_deadline", {26}, Subtle.JUST_BEYOND)
def evicts_a_tenth_too_late_after_the_freeze(run: Recording) -> Recording:
    """Stopped across its deadline, the server closes its first client 1.1 s after it goes on."""
    thawed, first = run.first("target", "thawed").t, run.seen.reader_evictions[0][0]
    return run.paused(first, thawed + 1.1 - first)


@specimen("frozen_across_the_deadline", {12, 26}, Subtle.ONE_IN_FIFTY)
def evicts_one_before_the_freeze(run: Recording) -> Recording:
    """One client is closed just before the server is stopped across its deadline."""
    return run.closed_at(run.first("target", "frozen").t - 0.05, run.stayers("lingerer")[0]).recounted(run)
