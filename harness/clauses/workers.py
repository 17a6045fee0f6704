"""Clauses 32 and 34: with several workers every accepted connection is answered, and a worker that dies takes only its
own connections with it, whose clients lose nothing.

Owns: handshakes begun while a worker dies, while all are replaced, and while the host drains; and whom the death of a
worker touches. A handshake that is reset or refused by TCP does not count as unanswered: its client tries again at
once. Source: contract, section Many workers; the parent that keeps the listening socket of workers that have gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ..history.client import ClientView
from ..history.drain import Drain
from ..history.record import History
from ..history.resume_run import ResumeRun
from .delivery import count
from .registry import clause, clause_of_history
from .verdict import Delay, Gravity, Judgement, Offence, accuse, excluded, passed, stood_still, too_few, unknown

ANSWERED_WITHIN_S = 1.0
LEAST_ATTEMPTS = 20  # begun within a second of each fault, and accepted in all
NOT_ACCEPTED = "refused"
NOTICED_WITHIN_S = 1.0
LEAST_CONNECTIONS = 3
ONE_PROCESS = "the target declares that one process serves"


@clause(
    32, "no-black-hole", to_do="close or hand over the listening socket before the process behind it stops accepting"
)
def no_black_hole(seen: Drain) -> Judgement:
    """With several workers no new connection is accepted and left unanswered.

    The kernel has not accepted what it refuses.
    """
    if seen.profile.processes == 1:
        return excluded(ONE_PROCESS)
    moments = {f"the kill of a worker at {seen.at(kill.t)}": kill.t for kill in seen.kills}
    moments |= {f"the replacement of the workers at {seen.at(t)}": t for t in seen.rolls}
    moments["t0"] = seen.t0
    since = min(moments.values())
    begun = [h for h in seen.handshakes if h.began >= since and not h.hostile]
    attempts = [h for h in begun if _was_accepted(h)]
    waits = {attempt: _waited_s(seen, attempt) for attempt in attempts}
    if doubt := stood_still(seen, since, max((h.began for h in attempts), default=since)):
        return doubt
    stretch = f"begun from {seen.at(since)} on"
    offences = [
        Offence(h.began, h.name, f"was left for {waited:.3f} s", _delay_of_answer(h, waited))
        for h, waited in waits.items()
        if waited > ANSWERED_WITHIN_S
    ]
    if offences:
        charge = f"handshakes {stretch} were neither answered nor reset within {ANSWERED_WITHIN_S:.3f} s"
        return accuse(seen, offences, len(attempts), charge)
    if kept := [t for t in seen.rolls if not any(t < replaced < seen.t0 for replaced in seen.replaced)]:
        return unknown(f"the workers were to be replaced at {seen.at(kept[0])}, and were not before t0")
    if seen.exited_at is not None and seen.exited_at < seen.t0 + 1.0:
        del moments["t0"]  # it was gone before so many could have tried
    for what, t in moments.items():
        if (count := sum(t <= h.began <= t + 1.0 for h in begun)) < LEAST_ATTEMPTS:
            return too_few(count, LEAST_ATTEMPTS, f"handshakes in the second after {what}")
    if len(attempts) < LEAST_ATTEMPTS:
        return too_few(len(attempts), LEAST_ATTEMPTS, f"accepted handshakes {stretch}")
    ways = Counter(h.outcome.what for h in attempts if h.outcome)
    return passed(
        f"{len(attempts)} handshakes {stretch}: {ways['opened']} joined, {ways['refused']} refused by HTTP,"
        f" {ways['failed']} reset, the slowest in {max(waits.values()):.3f} s (limit {ANSWERED_WITHIN_S:.3f} s)"
    )


def _was_accepted(handshake: ClientView) -> bool:
    return handshake.outcome is None or handshake.outcome.error != NOT_ACCEPTED


def _waited_s(seen: Drain, handshake: ClientView) -> float:
    return (handshake.outcome.t if handshake.outcome else seen.seen_until) - handshake.began


def _delay_of_answer(handshake: ClientView, waited_s: float) -> Delay:
    began = handshake.began
    return Delay(began, began + waited_s, began + ANSWERED_WITHIN_S, ANSWERED_WITHIN_S)


@clause_of_history(
    34,
    "worker-dies",
    to_do="keep what a connection needs out of its worker, so that the client can resume at another one",
)
def worker_dies(history: History) -> Judgement:
    """A worker killed outright: only its own clients notice; they resume elsewhere with nothing lost.

    Whose connections the killed worker held is known from the kernel.
    """
    seen = history.drain
    if seen is not None and seen.profile.processes == 1:
        return excluded(ONE_PROCESS)
    if seen is None or not seen.kills:
        return unknown("no worker was killed")
    killed_at = seen.kills[0][0]
    if doubt := stood_still(seen, killed_at, killed_at + NOTICED_WITHIN_S):
        return doubt
    there = [client for client in seen.connections if client.connected_at(killed_at) and not client.hostile]
    there = [client for client in there if client.opened_at is not None and client.opened_at < seen.kills[0].looked_at]
    own = [client for client in there if seen.lost_its_worker(client)]
    run = ResumeRun(history)
    delivery, reconnected = count(run), _reconnected(run, {client.name for client in own})
    offences = list(_wrongly_cut(seen, there, killed_at))
    offences += [
        Offence(killed_at, name, "did not reconnect", gravity=Gravity.MISSING)
        for name, t in reconnected.items()
        if t is None
    ]
    offences += delivery.lost + delivery.announced + delivery.doubled + delivery.reordered + delivery.unanswered
    if offences:
        charge = f"connections and messages due were not kept after the kill of a worker at {seen.at(killed_at)}"
        return accuse(seen, offences, len(there) + delivery.due, charge)
    counts = (len(own), len(there) - len(own), len(reconnected))
    for what, found in zip(("its own", "the others'", "its own that reconnect"), counts, strict=True):
        if found < LEAST_CONNECTIONS:
            return too_few(found, LEAST_CONNECTIONS, f"connections, {what}, when a worker was killed")
    back_at = max(t for t in reconnected.values() if t is not None)
    return passed(
        f"{len(own)} of {len(there)} connections ended with their worker at {seen.at(killed_at)}; its"
        f" {len(reconnected)} reconnecting clients were back by {seen.at(back_at)}; of {delivery.due} messages due none"
        " was lost, doubled or out of order"
    )


def _wrongly_cut(seen: Drain, there: list[ClientView], killed_at: float) -> Iterator[Offence]:
    """The clients that were cut off by another worker than their own, or not by their own."""
    gone_by = killed_at + NOTICED_WITHIN_S
    for client in there:
        if seen.lost_its_worker(client):
            if client.ended is None or client.ended.t > gone_by:
                until = client.ended.t if client.ended else seen.seen_until
                delay = Delay(killed_at, until, gone_by, NOTICED_WITHIN_S)
                yield Offence(
                    gone_by, client.name, "was not cut off with the worker that held it", delay, gravity=Gravity.HELD
                )
        elif client.evicted_at is not None and client.evicted_at < seen.evicts_at:
            yield Offence(client.evicted_at, client.name, "was cut off, and another worker held it")


def _reconnected(run: ResumeRun, cut: set[str]) -> dict[str, float | None]:
    """When each client that lost one of these connections had its next one; None where it never had."""
    found: dict[str, float | None] = {}
    for client in run.clients:
        for connection in client.connections:
            if connection.name in cut:
                later = (other.opened_at for other in client.connections if other.began > connection.began)
                found[client.name] = min((t for t in later if t is not None), default=None)
    return found
