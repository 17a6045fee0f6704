"""Clauses 16 to 20: the process goes when it should, cleans up once, with the right status, and leaves nothing.

Owns: the exit as seen from outside. Only clause 18 judges by what the target printed; of one that
hangs the last lines are shown. Source: contract,
section Termination.
"""

from __future__ import annotations

from ..history.client import ClientView
from ..history.drain import Drain
from .hostile import holds_on, may_serve_on
from .log_lines import LONGEST_QUOTE
from .notice import outlived_by_clients
from .registry import clause
from .verdict import Delay, Judgement, accuse, excluded, failed, late, passed, stood_still, unknown

GONE_WITHIN_S = 1.0
LAST_LINES = 3


@clause(
    16,
    "leaves-when-empty",
    to_do="exit when the last client has left: wait neither for the deadline nor for work that nobody waits for",
)
def leaves_when_empty(seen: Drain) -> Judgement:
    """Once the last client has left early, the process is gone within 1 s.

    Without a deadline a client that was closed has left as well.
    An exit after the deadline, though it comes within that second, does not tell whether it waited for the deadline.
    """
    holding = [client for client in seen.handshakes if client.opened_at is not None or client.hostile]
    holding += seen.open_streams
    clients = [client for client in holding if not _was_gone_before(client, seen.t0)]
    stayers = [client for client in clients if not _left_early(seen, client)]
    if stayers:
        before = "the exit" if seen.deadline is None else seen.grace_end
        charge = f"{len(stayers)} of {len(clients)} clients did not leave by themselves before"
        return unknown(f"{charge} {before}, first {stayers[0].name}")
    last_end = max((client.ended.t for client in clients if client.ended), default=seen.t0)
    empty = max(last_end, seen.t0 + seen.terms.grace_s)
    limit = empty + GONE_WITHIN_S + seen.terms.parent_delay_s
    if doubt := stood_still(seen, empty, limit):
        return doubt
    since = f"{len(clients)} clients had left and the grace was over at {seen.at(empty)}"
    if seen.exited_at is not None:
        said = f"exit at {seen.at(seen.exited_at)} (limit {seen.at(limit)}); {since}"
        if seen.exited_at > limit:
            return late(seen, said, Delay(empty, seen.exited_at, limit, GONE_WITHIN_S))
        if seen.deadline is not None and empty <= seen.evicts_at <= seen.exited_at:
            return unknown(f"{said}, and it may have waited for {seen.grace_end}")
        return passed(said)
    if seen.gave_up_at is not None:
        said = f"no exit by {seen.at(seen.gave_up_at)} (limit {seen.at(limit)}); {since}{last_words(seen)}"
        return late(seen, said, Delay(empty, seen.gave_up_at, limit, GONE_WITHIN_S))
    return unknown("the target was not watched until it exited")


def last_words(seen: Drain) -> str:
    """The last lines that a target printed before the harness gave up: for people, no verdict asks for them."""
    until = seen.seen_until if seen.gave_up_at is None else seen.gave_up_at
    printed = [line.detail["text"].strip() for line in seen.lines if line.t <= until]
    said = [text[:LONGEST_QUOTE] for text in printed if text][-LAST_LINES:]
    return f"; the last that it printed: {', '.join(map(repr, said))}" if said else ""


def _was_gone_before(client: ClientView, t: float) -> bool:
    end = client.ended or (client.outcome if client.opened_at is None else None)
    return end is not None and end.t < t


def _left_early(seen: Drain, client: ClientView) -> bool:
    if seen.deadline is None:
        return client.ended is not None and not client.hostile
    return client.left_at is not None and client.left_at < seen.evicts_at and client.ended is not None


@clause(
    17, "bounded", to_do="bound everything that waits for a client: abort at the end of the close timeout, then exit"
)
def bounded(seen: Drain) -> Judgement:
    """With hostile clients too: gone by deadline + clients / pace + close timeout + 1 s.

    A drain that an operator forced is unpaced; one that stood still goes on from there.
    Several processes close side by side, each at its part of the pace: the one with the most clients takes longest.
    Where timeout, pace or X is undeclared the harness's patience is the bound, once no client that reads is there.
    """
    there = [client for client in [*seen.handshakes, *seen.open_streams] if holds_on(seen, client)]
    begin = max([thawed for frozen, thawed in seen.freezes if frozen < seen.evicts_at] + [seen.evicts_at])
    most = _most_on_one_worker(seen, there)
    limit = begin + _closing_may_take_s(seen, most) + seen.terms.parent_delay_s
    since = f"{len(there)} clients were connected at {seen.grace_end}"
    if seen.profile.processes > 1:
        since += f", {most if seen.held else 'perhaps all'} of them to one of {seen.profile.processes} processes"
    if seen.exited_at is not None and seen.exited_at > limit:
        said = f"exit at {seen.at(seen.exited_at)} (limit {seen.at(limit)}); {since}"
        return late(seen, said, Delay(seen.evicts_at, seen.exited_at, limit, GONE_WITHIN_S))
    if doubt := may_serve_on(seen):
        return doubt
    if seen.exited_at is None and seen.gave_up_at is not None and seen.gave_up_at > limit:
        said = f"no exit by {seen.at(seen.gave_up_at)} (limit {seen.at(limit)}); {since}{last_words(seen)}"
        return late(seen, said, Delay(seen.evicts_at, seen.gave_up_at, limit, GONE_WITHIN_S))
    if not there and not (seen.reader_evictions and seen.exited_at is not None):
        return unknown(f"no client was connected at {seen.grace_end}")
    if seen.exited_at is not None:
        return passed(f"exit at {seen.at(seen.exited_at)} (limit {seen.at(limit)}); {since}")
    return unknown(f"the target was not watched until it exited or the limit {seen.at(limit)} had passed")


def _closing_may_take_s(seen: Drain, most: int) -> float:
    """How long the closing may take, the last 1 s with it; the harness's patience where that is not declared."""
    pace, close_timeout_s = seen.terms.evict_per_s, seen.terms.close_timeout_s
    forced = seen.deadline is not None and seen.forced_at == seen.evicts_at
    if seen.deadline is None or close_timeout_s is None or (pace is None and not forced):
        return seen.terms.patience_s
    paced_s = 0.0 if forced or pace is None else seen.profile.processes * most / pace
    return paced_s + close_timeout_s + GONE_WITHIN_S


def _most_on_one_worker(seen: Drain, there: list[ClientView]) -> int:
    """How many of these clients the process with the most of them had.

    The pace is divided evenly, and connections are not. A client whose process is not known may have been there too:
    nobody looked, it connected later, or it never finished its handshake.
    """
    if seen.profile.processes == 1:
        return len(there)
    known = [sum(client.local_port in ports for client in there) for ports in seen.held]
    return max(known, default=0) + len(there) - sum(known)


@clause(19, "exit-status", to_do="exit with the status that you declare, or declare the one that you mean")
def exit_status(seen: Drain) -> Judgement:
    """The exit status is one declared for what happened: drained, forced, stopped in startup.

    A force after the last client has left may go unnoticed.
    """
    if seen.profile.url is not None:
        return excluded("the harness did not start the target, and does not learn its exit status")
    if seen.status is None or seen.exited_at is None:
        return unknown("the target did not exit by itself while it was watched")
    profile = seen.profile
    if not seen.was_up:
        what, declared = "stopped in startup", profile.startup_statuses
    elif seen.forced_at is None:
        what, declared = "drained or evicted", profile.drained_statuses
    else:
        unnoticed = seen.forced_at >= seen.clients_gone_at
        what, declared = "forced", profile.forced_statuses + (profile.drained_statuses if unnoticed else ())
    said = f"{what}, it exited with {seen.status} at {seen.at(seen.exited_at)}"
    allowed = " or ".join(map(str, dict.fromkeys(declared)))
    if seen.status in declared:
        return passed(f"{said} (declared {allowed})")
    return failed(f"{said}, not {allowed}", "another status")


@clause(
    18,
    "cleans-up-once",
    to_do="run lifespan shutdown once, after the last connection handler has ended, whatever further signals come",
)
def cleans_up_once(seen: Drain) -> Judgement:
    """Lifespan shutdown runs exactly once, after the last connection has ended.

    Each of several processes cleans up for itself, the last of them after the last client's end.
    """
    marker = seen.profile.shutdown_marker
    if not seen.terms.logs:
        return excluded("the output of the target is not captured")
    if marker is None:
        return excluded("the target prints no line when lifespan shutdown begins")
    if not seen.lines:
        return unknown("no output of the target was captured")
    shutdowns = [line.t for line in seen.lines if marker in line.detail["text"] and line.t >= seen.t0]
    due = seen.profile.processes
    gone_by = seen.exited_at if due == 1 else None
    if shutdowns and (early := outlived_by_clients(seen, shutdowns[-1], gone_by)):
        charge = f"clients were still connected when lifespan shutdown began ({seen.at(shutdowns[-1])})"
        return accuse(seen, early, len(seen.readers), charge)
    if len(shutdowns) > due:
        moments = f"{seen.at(shutdowns[0])} and {seen.at(shutdowns[1])}"
        return failed(f"lifespan shutdown began {len(shutdowns)} times, first at {moments} (limit {due})")
    if len(shutdowns) < due:
        if seen.exited_at is None and seen.gave_up_at is None:
            return unknown("the target was not watched until it exited")
        if not shutdowns:
            return failed(f"lifespan shutdown never began: no line with {marker!r} after t0", "never began")
        return failed(f"lifespan shutdown began in {len(shutdowns)} of {due} processes")
    each = f" in each of {due} processes" if due > 1 else ""
    return passed(f"lifespan shutdown began once{each}, at {seen.at(shutdowns[-1])}, after the last client's end")


@clause(20, "leaves-nothing", to_do="end the children that you started, close the listening socket, and exit")
def leaves_nothing(seen: Drain) -> Judgement:
    """No process is left behind, and the port can be bound at once.

    A target that had to be killed has left itself.
    """
    if seen.exited_at is None and (doubt := may_serve_on(seen)):
        return doubt
    if seen.gave_up_at is not None and seen.exited_at is None:
        still = f"the target was still running when the harness gave up at {seen.at(seen.gave_up_at)}"
        return failed(still + last_words(seen))
    if seen.left_behind is None:
        return unknown("what the target left behind was not looked at")
    left = seen.left_behind.detail
    flaws = []
    if left["pids"]:
        flaws.append(f"{len(left['pids'])} processes were left, first {left['pids'][0]}")
    if not left["port_free"]:
        flaws.append(f"the port could not be bound: {left.get('port_error')}")
    return failed("; ".join(flaws)) if flaws else passed("no process was left, and the port could be bound at once")
