"""Clauses 16, 18 and 20: the process goes when it should, cleans up once, and leaves nothing.

Owns: the exit as seen from outside. Only clause 18 looks at what the target printed. Source: contract,
section Termination.
"""

from __future__ import annotations

from harness.clauses.notice import outlived_by_clients
from harness.clauses.verdict import Judgement, accuse, blurred, excluded, failed, passed, unknown
from harness.client_view import ClientView
from harness.views import Drain

GONE_WITHIN_S = 1.0


def leaves_when_empty(seen: Drain) -> Judgement:
    """Clause 16."""
    clients = [client for client in seen.sessions if not _was_gone_before(client, seen.t0)]
    stayers = [client for client in clients if not _left_early(client, seen.deadline)]
    if stayers:
        charge = f"{len(stayers)} of {len(clients)} clients did not leave by themselves before the deadline"
        return unknown(f"{charge} ({seen.at(seen.deadline)}), first {stayers[0].name}")
    last_end = max((client.ended.t for client in clients if client.ended), default=seen.t0)
    empty = max(last_end, seen.t0 + seen.terms.grace_s)
    limit = empty + GONE_WITHIN_S + seen.terms.parent_delay_s
    if lag := blurred(seen, GONE_WITHIN_S, empty, limit):
        return lag
    since = f"{len(clients)} clients had left and the grace was over at {seen.at(empty)}"
    if seen.exited_at is not None:
        said = f"exit at {seen.at(seen.exited_at)} (limit {seen.at(limit)}); {since}"
        return passed(said) if seen.exited_at <= limit else failed(said)
    if seen.gave_up_at is not None:
        return failed(f"no exit by {seen.at(seen.gave_up_at)} (limit {seen.at(limit)}); {since}")
    return unknown("the target was not watched until it exited")


def _was_gone_before(client: ClientView, t: float) -> bool:
    return client.ended is not None and client.ended.t < t


def _left_early(client: ClientView, deadline: float) -> bool:
    return client.left_at is not None and client.left_at < deadline and client.ended is not None


def cleans_up_once(seen: Drain) -> Judgement:
    """Clause 18."""
    marker = seen.terms.shutdown_marker
    if marker is None:
        return excluded("the target prints no line when lifespan shutdown begins")
    if not seen.lines:
        return unknown("no output of the target was captured")
    shutdowns = [line.t for line in seen.lines if marker in line.detail["text"] and line.t >= seen.t0]
    if len(shutdowns) > 1:
        moments = f"{seen.at(shutdowns[0])} and {seen.at(shutdowns[1])}"
        return failed(f"lifespan shutdown began {len(shutdowns)} times, first at {moments} (limit 1)")
    if not shutdowns:
        if seen.exited_at is None and seen.gave_up_at is None:
            return unknown("the target was not watched until it exited")
        return failed(f"lifespan shutdown never began: no line with {marker!r} after t0")
    early = outlived_by_clients(seen, shutdowns[0])
    if early:
        charge = f"clients were still connected when lifespan shutdown began ({seen.at(shutdowns[0])})"
        return accuse(seen, early, len(seen.readers), charge)
    return passed(f"lifespan shutdown began once, at {seen.at(shutdowns[0])}, after the last client's end")


def leaves_nothing(seen: Drain) -> Judgement:
    """Clause 20. A target that had to be killed has left itself."""
    if seen.gave_up_at is not None and seen.exited_at is None:
        return failed(f"the target was still running when the harness gave up at {seen.at(seen.gave_up_at)}")
    if seen.left_behind is None:
        return unknown("nobody looked at what the target left")
    left = seen.left_behind.detail
    flaws = []
    if left["pids"]:
        flaws.append(f"{len(left['pids'])} processes were left, first {left['pids'][0]}")
    if not left["port_free"]:
        flaws.append(f"the port could not be bound: {left.get('port_error')}")
    return failed("; ".join(flaws)) if flaws else passed("no process was left, and the port could be bound at once")
