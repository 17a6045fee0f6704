"""Clause 28: the target accounts for every client, and its numbers are those that the clients themselves counted.

Owns: the final report, and what may have become of each client. Server and client see an end from different sides:
where frames crossed, where a client came or went just as the drain began, or where it did not read how it was
ended, more than one account of it is true; everywhere else the numbers must agree. Several processes give a report
each, and what the clients counted is the sum. A long response is a client as well. Source: contract, section
Observability; `left`: the client closed first, vanished or was at fault; `closed`: the goodbye and a completed closing
handshake; `aborted`: the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..history.client import ClientView
from ..history.drain import FAULT_CODES, Drain
from ..history.stream import StreamView
from .hostile import vanished
from .registry import clause
from .verdict import Judgement, busy, excluded, failed, passed, unknown

COUNTS = ("present", "raced_in", "left", "closed", "aborted")
BEGINS_WITHIN_S = 0.25  # after t0: who goes meanwhile may, or may not, have been present
COUNTED_WITHIN_S = 0.1  # after its notice: a server may notify first and count then
BEGUN_BY_S = 1.0  # after t0: how busy the machine was until then says how late the drain may have begun
IN_FLIGHT_S = 0.25

LEFT, CLOSED, ABORTED = "left", "closed", "aborted"
Fates = frozenset[str]


@clause(28, "accounts", to_do="count each client once, by how its connection really ended, and print the report last")
def accounts(seen: Drain) -> Judgement:
    """The final report adds up, to the numbers that the clients themselves counted."""
    if not seen.profile.report or not seen.terms.logs:
        return excluded("the target declares no final report, or its output is not captured")
    if not seen.lines:
        return unknown("no output of the target was captured")
    reports, due = list(_reports(seen)), seen.profile.processes
    if len(reports) > due:
        return failed(f"{len(reports)} final reports (limit {due})")
    if seen.exited_at is None and seen.gave_up_at is None:
        return unknown("the target was not watched until it exited")
    if not reports:
        return failed("no final report was printed after t0", "no report")
    if len(workers := {report.get("worker") for report in reports}) < due:
        return failed(f"{len(reports)} final reports of {len(workers)} of {due} processes")
    for report in reports:
        if flaw := _flaw_of_sum(report):
            return failed(flaw)
    return _compared(seen, {name: sum(report[name] for report in reports) for name in COUNTS})


def _flaw_of_sum(report: dict[str, Any]) -> str | None:
    """What is wrong with the report of one process in itself."""
    wrong = [name for name in COUNTS if not isinstance(report.get(name), int)]
    if wrong:
        return f"the final report counts no {', '.join(wrong)}"
    came, went = report["present"] + report["raced_in"], report["left"] + report["closed"] + report["aborted"]
    return None if came == went else f"present + raced_in is {came}, and left + closed + aborted is {went}"


def _reports(seen: Drain) -> Iterator[dict[str, Any]]:
    for line in seen.lines:
        text = line.detail["text"]
        if line.t < seen.t0 or "drain.report" not in text or "{" not in text:
            continue
        try:
            found = json.loads(text[text.index("{") :])
        except ValueError:
            continue
        if isinstance(found, dict) and found.get("event") == "drain.report":
            yield found


def _compared(seen: Drain, report: dict[str, int]) -> Judgement:
    """The report beside what the clients saw: each number must lie between what was sure and what was possible."""
    counted = sum(_was_counted(seen, client, 0.0) for client in _all(seen))
    if not counted:
        return unknown("no client was connected from t0 on")
    said = ", ".join(f"{name} {report[name]}" for name in COUNTS)
    wrong = dict(_flaws(seen, report, 0.0))
    flaws = "; ".join(wrong.values())
    if not flaws:
        return passed(f"{said}, as {counted} clients count it")
    lag_s, starved_s = (of(seen.t0, seen.t0 + BEGUN_BY_S) for of in (seen.machine.lag_s, seen.machine.starved_s))
    late_s = lag_s + starved_s
    if late_s <= BEGINS_WITHIN_S / 4 or list(_flaws(seen, report, late_s)):
        return failed(flaws, *wrong)
    return busy(
        f"the harness itself lagged {lag_s:.3f} s and the target waited {starved_s:.3f} s for a core as the drain"
        f" began, together more than a quarter of {BEGINS_WITHIN_S:.3f} s: {flaws}"
    )


def _flaws(seen: Drain, report: dict[str, int], late_s: float) -> Iterator[tuple[str, str]]:
    """Which numbers differ from the clients', and how; `late_s`: by how much server and harness may have been late."""
    came = report["present"] + report["raced_in"]
    certain, doubtful = [], []
    for client in _all(seen):
        if _was_counted(seen, client, late_s):
            certain.append(_fates(seen, client, late_s))
        elif _may_have_been_counted(seen, client, late_s):
            doubtful.append(_fates(seen, client, late_s))
    if not len(certain) <= came <= len(certain) + len(doubtful):
        yield "came", f"present + raced_in is {came}, and the clients count {_span(len(certain), len(doubtful))}"
    for name in (LEFT, CLOSED, ABORTED):
        sure = sum(fates == {name} for fates in certain)
        possible = sum(name in fates for fates in certain + doubtful)
        if not sure <= report[name] <= possible:
            yield name, f"{name} is {report[name]}, and the clients count {_span(sure, possible - sure)}"


def _all(seen: Drain) -> list[ClientView]:
    return [*seen.connections, *seen.open_streams]


def _span(least: int, more: int) -> str:
    return f"{least} to {least + more}" if more else f"{least}"


def _was_counted(seen: Drain, client: ClientView, late_s: float) -> bool:
    """Whether the drain must have found it present, or raced in: it was there when that had begun, or got a notice."""
    begun = seen.t0 + BEGINS_WITHIN_S + seen.terms.parent_delay_s + late_s
    notified = (notice.t + COUNTED_WITHIN_S + late_s for notice in client.notices[:1] if notice.t >= seen.t0)
    return client.gone_at is None or client.gone_at > min([begun, *notified])


def _may_have_been_counted(seen: Drain, client: ClientView, late_s: float) -> bool:
    """Whether it went just then. Its end reaches the server when it reaches the client, or soon after."""
    ended_at = seen.seen_until if client.ended is None else client.ended.t
    return ended_at >= seen.t0 - IN_FLIGHT_S - late_s


def _fates(seen: Drain, client: ClientView, late_s: float) -> Fates:
    """What may have become of it, in the server's words."""
    close = client.close_received
    if vanished(seen, client):
        return _fates_of_leaver(seen, client)
    if isinstance(client, StreamView):
        return _fates_of_stream(seen, client)
    if client.hostile and (close is None or (seen.exited_at is not None and close.t >= seen.exited_at)):
        return frozenset({LEFT, ABORTED})
    if close is None:
        return frozenset({ABORTED})
    if close.code not in seen.goodbye_codes:
        return frozenset({LEFT}) if close.code in FAULT_CODES else frozenset({LEFT, ABORTED})
    answer, end = client.close_answer, client.ended
    if answer is None:
        return frozenset({ABORTED})
    limit_s = seen.terms.close_timeout_s
    in_time = limit_s is not None and answer.t - close.t < limit_s - IN_FLIGHT_S - late_s
    completed = in_time and end is not None and end.how == "eof" and end.t >= answer.t
    return frozenset({CLOSED}) if completed else frozenset({CLOSED, ABORTED})


def _fates_of_stream(seen: Drain, stream: StreamView) -> Fates:
    """A download that is complete has left: it was not closed. An event stream with a proper end was closed.

    Its last byte may be under way, or its handler not at its end, when the server cuts off who is left.
    """
    if not stream.complete:
        return frozenset({ABORTED})
    if stream.tells_events:
        return frozenset({CLOSED})
    may_be_cut = stream.ended is not None and stream.ended.t >= seen.evicts_at - IN_FLIGHT_S
    return frozenset({LEFT, ABORTED}) if may_be_cut else frozenset({LEFT})


def _fates_of_leaver(seen: Drain, client: ClientView) -> Fates:
    """It left, unless the server was closing it at the same moment."""
    close = client.close_received
    if close is not None:
        return frozenset({LEFT, CLOSED}) if close.code in seen.goodbye_codes else frozenset({LEFT})
    left_at = client.left_at
    assert left_at is not None
    return frozenset({LEFT}) if left_at < seen.evicts_at else frozenset({LEFT, ABORTED})
