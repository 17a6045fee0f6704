"""Recorded faults against clauses 12 to 15, and 35: when the server closes, how, how many, and to the letter."""

from __future__ import annotations

import math

from .recording import Recording
from .specimen import Missed, Subtle, specimen

POLICY_VIOLATION = 1008
TEXT_AFTER_CLOSE = "sent a text after its close frame"


@specimen("drain", {12}, Subtle.JUST_BEYOND)
def one_client_is_closed_50_ms_early(run: Recording) -> Recording:
    """One client is closed 50 ms before the deadline."""
    return run.closed_at(run.seen.evicts_at - 0.05, run.stayers("lingerer")[0]).recounted(run)


@specimen("hostile", {12}, Subtle.ONE_KIND, missed_before=Missed.BY_JUDGES)
def those_who_never_answer_a_close_are_closed_early(run: Recording) -> Recording:
    """Clients that will not answer their close frame, but have not had one yet, get it half a second early."""
    ignorers = [client for client in run.seen.connections if client.persona == "close-ignorer"]
    return run.closed_at(run.seen.evicts_at - 0.5, *ignorers).recounted(run)


@specimen("drain", {12, 13}, Subtle.ONE_IN_FIFTY)
def one_client_is_closed_for_a_fault_that_it_does_not_have(run: Recording) -> Recording:
    """Half a second before the deadline one client is closed with 1008, and counted among those that left."""
    client = run.stayers("lingerer")[0]
    edited = run.closed_at(run.seen.evicts_at - 0.5, client).recounted(run)
    edited = edited.changed(edited.first(client.name, "close_received"), code=POLICY_VIOLATION)
    return edited.reported(left=1, closed=-1)


@specimen("drain", {13, 28}, Subtle.ONE_IN_FIFTY)
def one_client_is_cut_before_its_answer(run: Recording) -> Recording:
    """The TCP connection of one client ends before the client has answered its close frame."""
    return run.without(run.first(run.stayers("lingerer")[0].name, "close_sent"))


@specimen("hostile", {13, 14}, Subtle.ONE_IN_FIFTY)
def one_client_is_reset_after_its_goodbye(run: Recording) -> Recording:
    """After a complete closing handshake one client sees a reset instead of the end of the TCP connection."""
    return run.changed(run.first(run.stayers("lingerer")[0].name, "ended"), how="reset")


@specimen("hostile", {14}, Subtle.JUST_BEYOND)
def one_client_is_held_until_the_close_timeout(run: Recording) -> Recording:
    """After a complete closing handshake the connection of one client stands until the close timeout has passed."""
    client, limit_s = run.stayers("lingerer")[0], run.history.terms.close_timeout_s
    assert client.close_received is not None
    assert limit_s is not None
    return run.changed(run.first(client.name, "ended"), t=client.close_received.t + limit_s + 0.02)


@specimen("drain", {15}, Subtle.JUST_BEYOND)
def one_close_too_many_in_a_second(run: Recording) -> Recording:
    """In the first second of the eviction one client more than twice the pace is closed."""
    pace, closes = run.history.terms.evict_per_s, run.seen.evictions
    assert pace is not None
    begun = closes[0][0]
    limit = math.floor(2 * pace)
    in_time = sum(t < begun + 1.0 for t, _ in closes)
    edited = run
    for place, (_, client) in enumerate(closes[in_time : limit + 1]):
        edited = edited.closed_at(begun + 0.8 + place / 100, client)
    return edited.recounted(run)


@specimen("drain", {15}, Subtle.ONLY_EVICTING)
def the_last_are_closed_at_once(run: Recording) -> Recording:
    """The eviction keeps its pace until twice a second's clients are left, which are closed in one go, all but one."""
    pace, stayers = run.history.terms.evict_per_s, run.stayers()
    assert pace is not None
    last = stayers[-2 - math.floor(2 * pace) : -1]
    assert last[0].close_received is not None
    return run.closed_at(last[0].close_received.t, *last[1:]).recounted(run)


@specimen("drain", {35}, Subtle.ONE_IN_FIFTY, missed_before=Missed.BY_JUDGES)
def one_text_comes_after_a_close_frame(run: Recording) -> Recording:
    """One client is sent a text after its close frame."""
    close = run.first(run.stayers("lingerer")[0].name, "close_received")
    return run.plus(close.t + 0.001, close.who, "violated", how=TEXT_AFTER_CLOSE)
