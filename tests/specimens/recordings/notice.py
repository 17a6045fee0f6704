"""Recorded faults against clauses 5 to 8: the notice, its order, who delays it, and the moments that it advises."""

from __future__ import annotations

from .recording import ENVELOPES, Recording
from .specimen import Missed, Subtle, specimen


@specimen("drain", {5}, Subtle.ONE_IN_FIFTY)
def one_client_gets_two_notices(run: Recording) -> Recording:
    """One client gets its notice again half a second later."""
    notice = run.first(run.stayers("lingerer")[0].name, "notice")
    return run.plus(notice.t + 0.5, notice.who, "notice", **notice.detail)


@specimen("drain", {5}, Subtle.JUST_BEYOND)
def one_notice_promises_a_second_too_much(run: Recording) -> Recording:
    """The notice of one client says that 1.05 s more are left than there are."""
    notice = run.first(run.stayers("lingerer")[0].name, "notice")
    return run.changed(notice, deadline_s=notice.detail["deadline_s"] + 1.05)


@specimen("drain", {5, 8}, Subtle.ONE_KIND, missed_before=Missed.NO_SUCH_CLIENT)
def slow_readers_get_no_moment(run: Recording) -> Recording:
    """The notices of clients that read slowly name no moment to reconnect."""
    notices = [run.first(client.name, "notice") for client in run.stayers("slow-reader")]
    return run.changed(*notices, reconnect_after_s=None)


@specimen("drain", {6}, Subtle.JUST_BEYOND)
def readiness_turns_after_the_notices(run: Recording) -> Recording:
    """Readiness turns in time, but a few milliseconds after the first client has its notice."""
    notified_at = run.seen.notices[0][0]
    asked, refused = notified_at + 0.001, notified_at + 0.004
    before = [probe for probe in run.events("ready", since=run.seen.t0) if probe.detail["began"] < refused]
    return (
        run.without(*before)
        .plus(asked + 0.001, "ready", "answered", began=asked, status=200, error=None)
        .plus(refused + 0.001, "ready", "answered", began=refused, status=503, error=None)
    )


@specimen("hostile", {7}, Subtle.ONE_IN_FIFTY)
def one_client_waits_for_its_messages(run: Recording) -> Recording:
    """Beside stalled readers one client gets nothing that others say for 0.8 s, and then all of it."""
    name, since = run.stayers("lingerer")[0].name, run.seen.t0 + 0.5
    return run.changed(*run.events(name, "heard", since=since, until=since + 0.8), t=since + 0.8)


@specimen("hostile", {7}, Subtle.JUST_BEYOND)
def one_notice_comes_a_tenth_too_late(run: Recording) -> Recording:
    """Beside stalled readers one client gets its notice 1.1 s after the signal."""
    t = run.seen.t0 + 1.1
    return run.changed(run.first(run.stayers("lingerer")[0].name, "notice"), t=t, deadline_s=run.seen.evicts_at - t)


@specimen("drain", {8}, Subtle.JUST_BEYOND)
def one_moment_lies_just_beyond_the_window(run: Recording) -> Recording:
    """One client is advised to reconnect when 1.02 of the window has passed."""
    window_s = run.history.terms.reconnect_window_s
    assert window_s is not None
    return run.changed(run.first(run.stayers("lingerer")[0].name, "notice"), reconnect_after_s=1.02 * window_s)


@specimen("drain", {8}, Subtle.ONE_KIND, missed_before=Missed.BY_JUDGES)
def clients_with_envelopes_share_a_stretch(run: Recording) -> Recording:
    """The moments of clients that speak envelopes lie in a twenty-fifth of the window, all others are spread evenly."""
    edited = run
    for _, client in run.seen.notices:
        if run.subprotocol(client.name) == ENVELOPES:
            notice = run.first(client.name, "notice")
            edited = edited.changed(notice, reconnect_after_s=0.5 + notice.detail["reconnect_after_s"] / 25)
    return edited
