"""Clause 11: a client that leaves of its own accord gets its close answered.

Owns: the client's own close and what may excuse the server from answering it. Source: contract, section Service while
draining; RFC 6455 §5.5.1 (a close is answered with its code) and §7.1.5 (1005 stands for a close without one).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ..history.client import ClientView, Close
from ..history.drain import Drain
from .registry import clause
from .verdict import Delay, Gravity, Judgement, Offence, accuse, excluded, passed, stood_still, too_few

LEAST_CLOSES = 5
CLOSE_ANSWERED_WITHIN_S = 1.0
IN_FLIGHT_S = 0.25  # a close may cross ours so long before the first eviction that anybody saw
NO_STATUS = 1005
NORMAL = 1000
PROTOCOL_ERROR = 1002


@clause(
    11,
    "leave-in-peace",
    to_do="answer a client's close frame at once and with its own code, whatever phase the drain is in",
)
def leave_in_peace(seen: Drain) -> Judgement:
    """A client's own close is answered with its code within 1 s, in every phase."""
    eviction = _Eviction.of(seen)
    leavers = [
        (own, client)
        for client in seen.connections
        if (own := client.own_close) and client.left_at == own.t >= seen.t0 and not client.hostile
        if own.code
        != PROTOCOL_ERROR  # so a client leaves that was sent what may not be sent (clause 35), and reads no more
        if _is_decided(seen, eviction, client, own)
    ]
    if not leavers:
        return _hardly_anybody(seen, 0)
    times = [own.t for own, _ in leavers]
    if doubt := stood_still(seen, min(times), max(times) + CLOSE_ANSWERED_WITHIN_S):
        return doubt
    offences = [
        Offence(own.t, c.name, flaw, _delay_of_answer(seen, c, own), gravity=_gravity_of_answer(c))
        for own, c in leavers
        if (flaw := _flaw_of_answer(c, own))
    ]
    if offences:
        charge = f"closes by clients were not answered with their code within {CLOSE_ANSWERED_WITHIN_S:.3f} s"
        return accuse(seen, offences, len(leavers), charge)
    if len(leavers) < LEAST_CLOSES:
        return _hardly_anybody(seen, len(leavers))
    took = max(c.close_received.t - own.t for own, c in leavers if c.close_received)
    return passed(
        f"{len(leavers)} closes by clients answered, the slowest in {took:.3f} s"
        f" (limit {CLOSE_ANSWERED_WITHIN_S:.3f} s)",
        len(leavers),
    )


def _hardly_anybody(seen: Drain, count: int) -> Judgement:
    """Too few, but of a target that closes everyone at once, which without a drain timeout it may."""
    first = seen.evictions[0][0] if seen.evictions else math.inf
    if seen.terms.drain_timeout_s is None and first < seen.t0 + IN_FLIGHT_S:
        return excluded(f"clients were closed from {seen.at(first)} on: there was no time to leave in peace")
    return too_few(count, LEAST_CLOSES, "closes by clients after t0")


class _Eviction(NamedTuple):
    """Since when the server may have been closing by itself, and with which codes: these may cross ours.

    `cuts_since`: the same of ends without a close frame.
    """

    since: float
    codes: frozenset[int]
    cuts_since: float

    @classmethod
    def of(cls, seen: Drain) -> _Eviction:
        codes = {client.close_received.code for _, client in seen.evictions if client.close_received}
        first = seen.evictions[0][0] if seen.evictions else math.inf
        grace_end = math.inf if seen.deadline is None and seen.evictions else seen.evicts_at
        cut = next((t for t, client in seen.evictions if client.was_cut_off), math.inf)
        return cls(min(grace_end, first - IN_FLIGHT_S), frozenset(codes | {*seen.goodbye_codes}), cut - IN_FLIGHT_S)

    def may_have_crossed(self, theirs: Close, own: Close) -> bool:
        return theirs.t >= self.since and theirs.code != own.code and theirs.code in self.codes


def _is_decided(seen: Drain, eviction: _Eviction, client: ClientView, own: Close) -> bool:
    """Whether its close can be judged: it crossed no frame and no cut, and the answer was waited for long enough."""
    if client.close_received:
        return not eviction.may_have_crossed(client.close_received, own)
    if client.was_cut_off and own.t >= eviction.cuts_since:
        return False
    by = own.t + CLOSE_ANSWERED_WITHIN_S
    if client.ended:
        return client.ended.how != "local" or client.ended.t > by
    return seen.seen_until > by


def _delay_of_answer(seen: Drain, client: ClientView, own: Close) -> Delay | None:
    """How long the answer took, or was waited for; None where the server ended the connection without one."""
    theirs, ended = client.close_received, client.ended
    if theirs is None and ended is not None and ended.how != "local":
        return None
    until = theirs.t if theirs else ended.t if ended else seen.seen_until
    due = own.t + CLOSE_ANSWERED_WITHIN_S
    return Delay(own.t, until, due, CLOSE_ANSWERED_WITHIN_S) if until > due else None


def _gravity_of_answer(client: ClientView) -> Gravity:
    if client.close_received:
        return Gravity.WRONG
    return Gravity.MISSING if client.ended and client.ended.how != "local" else Gravity.HELD


def _flaw_of_answer(client: ClientView, own: Close) -> str | None:
    theirs = client.close_received
    if theirs is None:
        how = f"ended by {client.ended.how}" if client.ended else "left open"
        return f"closed with {own.code} and was {how} without an answer"
    accepted = {own.code, NORMAL} if own.code == NO_STATUS else {own.code}
    if theirs.code not in accepted:
        return f"closed with {own.code} and was answered {theirs.code}"
    took_s = theirs.t - own.t
    return f"was answered after {took_s:.3f} s" if took_s > CLOSE_ANSWERED_WITHIN_S else None
