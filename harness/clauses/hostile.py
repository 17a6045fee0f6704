"""Clause 14: the connections that are cut off are those of hostile clients, and no others.

Owns: what a client that reads may see of a cut, and what becomes of one that does not. Source: contract, section
Closing, and its terms: a client that completes a closing handshake was not hostile after all.
"""

from __future__ import annotations

from ..history.client import ClientView
from ..history.drain import Drain
from .registry import clause
from .verdict import Delay, Gravity, Judgement, Offence, accuse, passed, stood_still, unknown


@clause(
    14,
    "aborts-only-the-hostile",
    to_do="cut off only who has not answered its close frame within the close timeout, and then for good",
)
def aborts_only_the_hostile(seen: Drain) -> Judgement:
    """Only hostile clients are cut off or hold on until the close timeout.

    What a hostile client saw is known late, or never; the target's exit cuts it off.
    """
    hostile = [client for client in seen.handshakes if client.hostile and holds_on(seen, client)]
    hostile = [client for client in hostile if not _said_goodbye(client)]
    ends = [client.ended.t for client in seen.readers if client.ended]
    if doubt := stood_still(seen, seen.evicts_at, max([*ends, seen.evicts_at])):
        return doubt
    offences = [offence for client in seen.readers if (offence := _offence_of_end(seen, client))]
    if offences:
        charge = "reading clients were cut off, or held until the close timeout"
        return accuse(seen, offences, len(seen.readers), charge)
    if not hostile:
        return unknown(f"no hostile client was connected at {seen.grace_end}")
    if seen.exited_at is None:
        kept = [client for client in hostile if not _was_cut(client)]
        if kept and seen.gave_up_at is None:
            return unknown("the target was not watched until it exited")
        if kept and (doubt := may_serve_on(seen)):
            return doubt
        if kept:
            offences = [
                Offence(seen.evicts_at, client.name, "was not cut off", gravity=Gravity.HELD) for client in kept
            ]
            return accuse(seen, offences, len(hostile), "hostile clients held their connections to the end")
    return passed(f"{len(hostile)} of {len(hostile)} hostile clients were cut off, and 0 of {len(seen.readers)} others")


def holds_on(seen: Drain, client: ClientView) -> bool:
    """Whether the eviction found this client there: connected, or hostile and halfway through its handshake.

    A hostile client that is torn down after the exit did not leave by itself: the harness cleared away.
    """
    if seen.seen_until < seen.evicts_at:
        return False
    if client.opened_at is not None:
        return client.connected_at(seen.evicts_at) and not (client.hostile and vanished(seen, client))
    settled = client.outcome or client.ended
    return client.hostile and client.began < seen.evicts_at and (settled is None or settled.t > seen.evicts_at)


def vanished(seen: Drain, client: ClientView) -> bool:
    """Whether it left by itself, while there was still a target to leave."""
    return client.left_at is not None and (seen.exited_at is None or client.left_at < seen.exited_at)


def may_serve_on(seen: Drain) -> Judgement | None:
    """Unknown where the harness gave up while clients that read were served, for nobody knows how long; else None."""
    if not seen.terms.undeclared or seen.gave_up_at is None:
        return None
    reading = [*seen.readers, *seen.open_streams]
    served = [client for client in reading if client.connected_at(seen.gave_up_at)]
    if not served:
        return None
    still = f"{len(served)} clients that read were still served at {seen.at(seen.gave_up_at)}, first {served[0].name}"
    return unknown(f"{still}, and nothing says for how long: declare {', '.join(seen.terms.undeclared)}")


def _said_goodbye(client: ClientView) -> bool:
    close, answer, end = client.close_received, client.close_answer, client.ended
    return bool(close and answer and end and end.how == "eof" and answer.t <= end.t)


def _was_cut(client: ClientView) -> bool:
    return client.ended is not None or (client.outcome is not None and client.opened_at is None)


def _offence_of_end(seen: Drain, client: ClientView) -> Offence | None:
    """When and how a reading client was treated as a hostile one, if it was."""
    close, end = client.close_received, client.ended
    if end is not None and end.how == "reset":
        return Offence(end.t, client.name, "saw a reset", gravity=Gravity.MISSING)
    if end is not None and end.how == "eof" and close is None:
        return Offence(end.t, client.name, "saw an end without a close frame", gravity=Gravity.MISSING)
    if close is None:
        return None
    until, limit_s = end.t if end else seen.seen_until, seen.terms.close_timeout_s
    if limit_s is None or until - close.t < limit_s:
        return None
    what = f"was held for {until - close.t:.3f} s (limit {limit_s:.3f} s)"
    return Offence(close.t, client.name, what, Delay(close.t, until, close.t + limit_s, limit_s), "was held")
