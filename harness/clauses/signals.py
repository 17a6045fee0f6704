"""Clauses 21 to 26: whatever tells the target to stop, how often, and at what moment, it drains in the same way.

Owns: storms of signals, Ctrl+C, the operator's force, a stop in startup or without a signal, and a process that
was stopped itself. Refuses to know: what the target prints about it, which clauses 18 and 30 judge beside these.
Source: contract, section Signals.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from ..history.client import ClientView
from ..history.drain import READY_WITHIN_S, Drain
from ..history.events import Event
from ..history.stop import is_ctrl_c
from .closing import (
    LEAST_STAYERS,
    closed_early,
    closes_may_have_been_early,
    keeps_the_grace,
    no_cliff,
    no_deadline,
    says_goodbye,
    stayers,
)
from .hostile import aborts_only_the_hostile
from .notice import told_once
from .registry import clause
from .termination import exit_status
from .verdict import (
    Delay,
    Gravity,
    Judgement,
    Offence,
    Verdict,
    accuse,
    late,
    passed,
    stood_still,
    together,
    too_few,
    unknown,
)

LEAST_SIGTERMS = 100
ONE_PRESS_S = 1.0
AT_ONCE_S = 1.0
MOVED_S = 0.25  # beyond the deadline: so late a server may have heard of the signal (clause 1), and no later


@clause(21, "idempotent", to_do="take further SIGTERMs as the one that is already being carried out")
def idempotent(seen: Drain) -> Judgement:
    """A hundred further SIGTERMs change nothing, never the deadline or the status.

    The deadline has moved where the first close comes more than 250 ms after it and the time between two closes more:
    a server looks at its clock in steps, and its closes show how long these are. Without a deadline the signals come
    until it exits.
    """
    further = [order for order in seen.orders[1:] if _is_sigterm_before_the_deadline(seen, order)]
    least, until = (1, "the exit") if seen.deadline is None else (LEAST_SIGTERMS, seen.grace_end)
    few = too_few(len(further), least, f"further SIGTERMs before {until}")
    if not further:
        return few
    one_stop = _is_one_stop(seen, f"{len(further)} further SIGTERMs changed nothing")
    return one_stop if one_stop.verdict is Verdict.FAIL or len(further) >= least else few


def _is_sigterm_before_the_deadline(seen: Drain, order: Event) -> bool:
    in_time = seen.deadline is None or order.t < seen.evicts_at
    return order.what == "signal" and order.detail["signal"] == "SIGTERM" and in_time


@clause(22, "ctrl-c-is-one", to_do="take a SIGTERM soon after a SIGINT as the same stop")
def ctrl_c_is_one(seen: Drain) -> Judgement:
    """SIGINT to the process group, followed by a SIGTERM, counts as one."""
    if seen.forced_at is not None:
        return unknown(f"an operator forced the stop at {seen.at(seen.forced_at)}")
    pressed = next((order for order in seen.orders if is_ctrl_c(order)), None)
    if pressed is None:
        return unknown("no SIGINT was sent to the process group")
    again = [order for order in seen.orders if _is_sigterm_before_the_deadline(seen, order)]
    if seen.deadline is None:  # it may exit before a supervisor's SIGTERM
        again = [order for order in seen.orders if order.what == "signal" and order is not pressed]
    further = next((order for order in again if 0 <= order.t - pressed.t <= ONE_PRESS_S), None)
    if further is None:
        return unknown(f"no SIGTERM followed the SIGINT at {seen.at(pressed.t)} within {ONE_PRESS_S:.3f} s")
    which = f"{further.detail['signal']} at {seen.at(further.t)}"
    return _is_one_stop(seen, f"SIGINT at {seen.at(pressed.t)} and {which} counted as one")


def _is_one_stop(seen: Drain, success: str) -> Judgement:
    """Whether one notice, one deadline (if there is one) and one exit status came of several signals."""
    twice = [(client.notices[1].t, client) for client in seen.connections if len(client.notices) > 1]
    if twice:
        offences = [Offence(t, client.name, f"got {len(client.notices)} notices") for t, client in twice]
        return accuse(seen, offences, len(seen.connections), "clients got more than one notice")
    if seen.deadline is None:
        return _is_one_close_each(seen, success)
    if early := closed_early(seen):
        return accuse(seen, early, len(seen.readers), f"clients were closed before {seen.grace_end}")
    status, stayed = exit_status(seen), stayers(seen)
    if status.verdict is Verdict.FAIL:
        return status
    if len(stayed) < LEAST_STAYERS:
        return too_few(len(stayed), LEAST_STAYERS, f"clients that stayed until {seen.grace_end}")
    if seen.was_frozen(seen.evicts_at, seen.evicts_at + AT_ONCE_S):
        return unknown(f"the harness had stopped the target at {seen.grace_end}")
    if doubt := closes_may_have_been_early(seen):
        return doubt
    begun = _begins_to_close(seen, seen.evicts_at, success, min(AT_ONCE_S, MOVED_S + _step_s(seen)))
    if begun.verdict is not Verdict.PASS:
        return begun
    return status if status.verdict is not Verdict.PASS else passed(f"{begun.evidence}; {status.evidence}")


def _is_one_close_each(seen: Drain, success: str) -> Judgement:
    """Whether the server closed every client that it ended, and exited as it does after one signal."""
    closes = seen.reader_evictions
    cut = [Offence(t, who.name, "was ended without a close frame") for t, who in closes if who.close_received is None]
    if cut:
        return accuse(seen, cut, len(closes), "clients were not closed, but cut off")
    status = exit_status(seen)
    if status.verdict is not Verdict.PASS:
        return status
    return passed(f"{success}; {len(closes)} clients were closed, once each; {status.evidence}")


def _step_s(seen: Drain) -> float:
    """The longest time between two closes by the server: so seldom it looks at its clock, or less."""
    return max((after - before for (before, _), (after, _) in pairwise(seen.reader_evictions)), default=0.0)


def _begins_to_close(seen: Drain, since: float, success: str, within_s: float = AT_ONCE_S) -> Judgement:
    """Whether the first close by the server came soon after a moment at which clients were there."""
    limit = since + within_s + seen.terms.parent_delay_s
    closes = seen.reader_evictions
    first = f"the first close by the server came at {seen.at(closes[0][0])}" if closes else "no client was closed"
    said = f"{first} (limit {seen.at(limit)})"
    if closes and closes[0][0] <= limit:
        return passed(f"{success}; {said}")
    waiting = [client for client in seen.readers if client.connected_at(since) and client.connected_at(limit)]
    if not waiting or seen.seen_until < limit:
        return unknown(f"no client stayed until {seen.at(limit)} to be closed")
    return late(seen, said, Delay(since, closes[0][0] if closes else seen.seen_until, limit, within_s))


@clause(
    23,
    "operator-force",
    to_do="take a second SIGINT as an order to close everybody now, with close frames all the same",
)
def operator_force(seen: Drain) -> Judgement:
    """A SIGINT to the group more than 1 s after the first evicts at once, unpaced.

    Without the lifespan, which only clause 18 may look for in the output.
    """
    if none := no_deadline(seen):
        return none
    forced_at = seen.forced_at
    if forced_at is None:
        return unknown(f"no SIGINT was sent to the process group more than {ONE_PRESS_S:.3f} s after t0")
    limit = forced_at + AT_ONCE_S + seen.terms.parent_delay_s
    if doubt := stood_still(seen, forced_at, limit):
        return doubt
    there = [client for client in seen.readers if client.connected_at(forced_at) and client.left_at is None]
    closes = [(client.close_received.t, client) for client in there if client.close_received]
    if seen.exited_at is None and seen.seen_until <= limit:
        return unknown(f"the target was not watched until {seen.at(limit)}")
    offences = [
        Offence(t, client.name, "was closed", Delay(forced_at, t, limit, AT_ONCE_S))
        for t, client in closes
        if t > limit
    ]
    offences += [
        Offence(
            limit,
            client.name,
            "had no close frame",
            _delay_of_close(seen, client, forced_at, limit),
            gravity=_gravity_of_end(client),
        )
        for client in there
        if not client.close_received
    ]
    if offences:
        return accuse(seen, offences, len(there), f"clients were not closed by {seen.at(limit)}")
    rest = {13: says_goodbye(seen), 14: aborts_only_the_hostile(seen)}
    if broken := {number: part for number, part in rest.items() if part.verdict is Verdict.FAIL}:
        return together(broken)
    if len(closes) < LEAST_STAYERS:
        return too_few(len(closes), LEAST_STAYERS, f"clients closed after the operator's force ({seen.at(forced_at)})")
    last = max(t for t, _ in closes)
    return passed(f"forced at {seen.at(forced_at)}, {len(closes)} clients were closed by {seen.at(last)}")


def _gravity_of_end(client: ClientView) -> Gravity:
    return Gravity.MISSING if client.ended else Gravity.HELD


def _delay_of_close(seen: Drain, client: ClientView, since: float, limit: float) -> Delay | None:
    """How long a client waited in vain; None where its connection was ended without a close frame."""
    return None if client.ended else Delay(since, seen.seen_until, limit, AT_ONCE_S)


@clause(
    24, "startup", to_do="let a signal cancel the startup: handlers must be in place before anything slow is awaited"
)
def startup(seen: Drain) -> Judgement:
    """A signal during startup: never ready, and gone within 1 s.

    Without the traceback, which only clause 30 may look for in the output.
    """
    if seen.was_up:
        return unknown("the target was up before it was told to stop")
    arrived = seen.t0 + seen.terms.parent_delay_s
    limit = arrived + AT_ONCE_S
    if doubt := stood_still(seen, seen.t0, limit):
        return doubt
    ready = [t for t in seen.found_ready if t >= arrived] if seen.profile.ready else []
    if ready:
        said = f"told to stop in startup, it was ready at {seen.at(ready[-1])}"
        return late(seen, said, Delay(seen.t0, ready[-1], arrived, READY_WITHIN_S))
    if seen.exited_at is not None:
        said = f"told to stop in startup, it exited at {seen.at(seen.exited_at)} (limit {seen.at(limit)})"
        if seen.exited_at <= limit:
            return exit_status(seen)
        return late(seen, said, Delay(seen.t0, seen.exited_at, limit, AT_ONCE_S))
    if seen.gave_up_at is not None and seen.gave_up_at > limit:
        said = f"no exit by {seen.at(seen.gave_up_at)} (limit {seen.at(limit)})"
        return late(seen, said, Delay(seen.t0, seen.gave_up_at, limit, AT_ONCE_S))
    return unknown("the target was not watched until it exited")


@clause(25, "any-cause", to_do="drain for whatever reason you stop, not only in the handler of a signal")
def any_cause(seen: Drain) -> Judgement:
    """A stop with no signal (request limit reached, reload) drains as well: notice, grace and goodbye."""
    if seen.cause is None:
        return unknown("a signal told the target to stop")
    whole = together({5: told_once(seen), 12: keeps_the_grace(seen), 13: says_goodbye(seen)})
    return replace(whole, evidence=f"stopped by {seen.cause}: {whole.evidence}")


@clause(26, "frozen", to_do="measure the deadline on the monotonic clock, and look at it again after every wait")
def frozen(seen: Drain) -> Judgement:
    """Stopped (SIGSTOP) across the deadline, it evicts at once on SIGCONT."""
    if none := no_deadline(seen):
        return none
    deadline = seen.evicts_at
    thawed = next((end for start, end in seen.freezes if seen.t0 <= start < deadline < end <= seen.seen_until), None)
    if thawed is None:
        return unknown(f"the target was not stopped (SIGSTOP) across {seen.grace_end}")
    if early := closed_early(seen):
        return accuse(seen, early, len(seen.readers), f"clients were closed before {seen.grace_end}")
    there = [client for client in seen.readers if client.connected_at(thawed)]
    begun, pace = _begins_to_close(seen, thawed, f"SIGCONT at {seen.at(thawed)}"), no_cliff(seen)
    if pace.verdict is Verdict.FAIL:
        return together({15: pace})
    if begun.verdict is not Verdict.FAIL and len(there) < LEAST_STAYERS:
        return too_few(len(there), LEAST_STAYERS, f"clients connected at SIGCONT ({seen.at(thawed)})")
    return begun
