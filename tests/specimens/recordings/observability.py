"""Recorded faults against clauses 27 to 31: what the server says of its drain, and what that costs."""

from __future__ import annotations

import json

from harness.history.events import Event

from .recording import LEFT, Recording
from .specimen import Missed, Subtle, specimen

RAISED = (
    'Traceback (most recent call last):\n  File "server/drain/pace.py", line 40, in due\n    return 1 / left\n'
    "ZeroDivisionError: division by zero"
)


def _lines(run: Recording) -> list[Event]:
    """The lines of progress."""
    return [line for line in run.events("target", "line", since=run.seen.t0) if LEFT.search(line.detail["text"])]


@specimen("hundred_sigterms", {27}, Subtle.ONE_IN_FIFTY)
def a_line_counts_one_more_than_before(run: Recording) -> Recording:
    """The second line of progress counts one connection more than the first."""
    first, second = _lines(run)[:2]
    found = LEFT.search(first.detail["text"])
    assert found is not None
    return run.changed(second, text=LEFT.sub(str(int(found[0]) + 1), second.detail["text"]))


@specimen("hundred_sigterms", {27}, Subtle.JUST_BEYOND, missed_before=Missed.BY_JUDGES)
def a_line_comes_a_little_late(run: Recording) -> Recording:
    """The second line of progress comes 0.3 s later than its interval."""
    interval_s = run.history.terms.profile.progress_interval_s
    assert interval_s is not None
    first, second = _lines(run)[:2]
    return run.changed(second, t=first.t + interval_s + 0.3)


@specimen("hundred_sigterms", {28}, Subtle.ONE_IN_FIFTY)
def the_report_forgets_one_client(run: Recording) -> Recording:
    """The final report leaves out one client that was closed, and adds up all the same."""
    return run.reported(present=-1, closed=-1)


@specimen("hostile", {28}, Subtle.ONE_KIND)
def the_report_counts_the_aborted_as_closed(run: Recording) -> Recording:
    """The final report counts those that never answered their close frame among the closed."""
    aborted = sum(client.persona == "close-ignorer" for client in run.seen.connections)
    return run.reported(aborted=-aborted, closed=aborted)


@specimen("drain", {29}, Subtle.ONLY_EVICTING)
def the_gauge_rises_once_while_evicting(run: Recording) -> Recording:
    """While clients are evicted, the gauge of connections left rises by one for one probe."""
    probe = run.while_evicting("metrics")
    before = [one for one in run.events("metrics", since=run.seen.evicts_at) if one.t < probe.detail["began"]]
    return run.changed(probe, connections=min(one.detail["connections"] for one in before) + 1)


@specimen("drain", {30}, Subtle.ONLY_EVICTING)
def a_traceback_hides_in_a_field_of_json(run: Recording) -> Recording:
    """While clients are evicted, one JSON line of level `info` has a traceback in one of its fields."""
    text = json.dumps({"level": "info", "message": "the pace was adjusted", "exc_info": RAISED})
    return run.plus(run.while_evicting("ready").t, "target", "line", text=text)


@specimen("drain", {30}, Subtle.ON_ITS_WAY)
def a_message_on_its_way_leaves_a_task(run: Recording) -> Recording:
    """The task that read a message after its connection was closed is destroyed, and the last line says so."""
    text = "Task was destroyed but it is pending!"
    return run.plus(run.first("target", "exited").t - 0.001, "target", "line", text=text)


@specimen("ten_thousand", {31}, Subtle.JUST_BEYOND)
def memory_grows_by_eleven_hundredths(run: Recording) -> Recording:
    """Memory is 1.11 times that at the signal in one sample, and less in all others."""
    before = run.last("target", "memory", until=run.seen.t0).detail["rss_bytes"]
    samples = run.events("target", "memory", since=run.seen.evicts_at)
    return run.changed(samples[0], rss_bytes=round(1.11 * before))


@specimen("ten_thousand", {31}, Subtle.ONE_IN_FIFTY)
def readiness_is_slow_for_one_probe_in_fifty(run: Recording) -> Recording:
    """While ten thousand clients are served, one readiness probe in fifty is answered after 0.2 s."""
    edited = run
    for probe in run.events("ready", since=run.seen.t0 + 1.0, until=run.seen.clients_gone_at - 1.0)[::40]:
        edited = edited.changed(probe, t=probe.detail["began"] + 0.2)
    return edited
