"""Clauses 9 and 10: the clients that stay are served as before, and what was taken on is done.

Owns: service between t0 and the deadline, and answers; what becomes of accepted broadcasts is counted in `fanout`.
Source: contract, section Service while draining.
"""

from __future__ import annotations

from ..history.client import ClientView
from ..history.drain import Drain
from .fanout import Flaw, Ledger
from .registry import clause
from .verdict import Delay, Gravity, Judgement, Offence, accuse, passed, too_few, unknown

STRETCH_BEGINS_S = 0.25  # after t0
STRETCH_ENDS_S = 0.1  # before the deadline, or the first close by the server where there is none
IN_FLIGHT_S = 0.25  # sent or accepted this long before the close, it is owed
SERVED_WITHIN_S = 1.0  # so much of the stretch a server may need that waits for a core in all the rest of it
LEAST_MESSAGES = 3
LEAST_OWED = 20


@clause(
    9, "still-served", to_do="go on serving those who are connected until the deadline: the stop is only for newcomers"
)
def still_served(seen: Drain) -> Judgement:
    """Connected clients go on being served: broadcasts, notifications, replies."""
    start, end = seen.t0 + STRETCH_BEGINS_S, _serves_until(seen) - STRETCH_ENDS_S
    if start >= end:
        return unknown(f"nothing can be seen in the stretch that ended at {seen.at(end + STRETCH_ENDS_S)}")
    stayed = [client for client in seen.readers if client.connected_at(seen.t0) and client.connected_at(end)]
    if not stayed or seen.seen_until < end:
        return unknown(f"no client was connected from t0 to {seen.at(end)}")
    kinds = {
        "broadcasts": _must_hear(seen, stayed, start, end),
        "notifications": _must_be_notified(seen, stayed, start, end),
        "replies": _must_be_answered(seen, stayed, start, end),
    }
    offences = [
        Offence(start, client.name, f"had no {kind}", Delay(start, end, start + SERVED_WITHIN_S, SERVED_WITHIN_S))
        for kind, must in kinds.items()
        for client, was_served in must
        if not was_served
    ]
    stretch = f"between {seen.at(start)} and {seen.at(end)}"
    if offences:
        return accuse(seen, offences, sum(map(len, kinds.values())), f"services were not rendered {stretch}")
    observed = [f"{kind} reached {len(must)} clients" for kind, must in kinds.items() if must]
    if not observed:
        return unknown(f"nothing was sent {stretch} that could be observed")
    return passed(f"{', '.join(observed)} {stretch}", max(map(len, kinds.values())))


def _serves_until(seen: Drain) -> float:
    """To the end of the grace; without a deadline to the first close by the server, or until all were sent home."""
    if seen.deadline is not None:
        return seen.evicts_at
    ends = [seen.sent_home_at, seen.exited_at, *(t for t, _ in seen.reader_evictions[:1])]
    return min((t for t in ends if t is not None), default=seen.seen_until)


Served = list[tuple[ClientView, bool]]  # who had to be served, and whether it was


def _must_hear(seen: Drain, stayed: list[ClientView], start: float, end: float) -> Served:
    """Who of them heard one of the others' messages, where enough were sent in time to be heard."""
    if not seen.profile.broadcasts:
        return []
    by = end - IN_FLIGHT_S
    offered = {("broadcast", post.detail["n"]) for post in seen.posts if start <= post.detail["began"] <= by}
    for client in seen.connections:
        said = (sent for sent in client.sent if sent.detail["broadcast"] and start <= sent.t <= by)
        offered.update((client.name, sent.detail["n"]) for sent in said)
    must = []
    for client in stayed:
        own = sum((client.name, sent.detail["n"]) in offered for sent in client.sent)
        if len(offered) - own >= LEAST_MESSAGES:
            heard = ((event.detail["sender"], event.detail["n"]) for event in client.heard)
            must.append((client, any(token in offered for token in heard)))
    return must


def _must_be_notified(seen: Drain, stayed: list[ClientView], start: float, end: float) -> Served:
    interval_s = seen.terms.notify_interval_s
    if interval_s is None or end - start < 2 * interval_s or seen.was_frozen(start, end):
        return []
    return [(client, any(start <= event.t <= end for event in client.notified)) for client in stayed]


def _must_be_answered(seen: Drain, stayed: list[ClientView], start: float, end: float) -> Served:
    """Who of them sent something in time to be answered, and had an answer to any of that."""
    if not seen.terms.answers:
        return []
    must = []
    for client in stayed:
        asked = {n for t, n in _asked(client) if start <= t <= end - IN_FLIGHT_S}
        if asked:
            must.append((client, any(event.detail["n"] in asked for event in client.answered)))
    return must


def _asked(client: ClientView) -> list[tuple[float, int]]:
    """When it sent each message that has to be answered, and its number, in order."""
    return [(sent.t, sent.detail["n"]) for sent in client.sent if sent.detail.get("answerable")]


@clause(
    10,
    "accepted-is-answered",
    to_do="answer what has arrived and write what was accepted before you send a close frame",
)
def accepted_is_answered(seen: Drain) -> Judgement:
    """What was sent 250 ms before the close is answered; accepted broadcasts arrive once, in order."""
    ledger = Ledger(seen, IN_FLIGHT_S)
    talkers = [client for client in seen.readers if seen.terms.answers and _asked(client)]
    offences = [
        Offence(seen.t0 if client.gone_at is None else client.gone_at, client.name, *flaw)
        for clients, flaw_of in ((talkers, _flaw_of_answers), (ledger.audience, ledger.flaw_of))
        for client in clients
        if (flaw := flaw_of(client))
    ]
    if offences:
        charge = "accounts of answers and of broadcasts do not add up"
        return accuse(seen, offences, len(talkers) + len(ledger.audience), charge)
    asked = sum(t >= seen.t0 for client in talkers for t, _ in _asked(client))
    if asked + ledger.accepted_after_t0 < LEAST_OWED:
        return too_few(asked + ledger.accepted_after_t0, LEAST_OWED, "messages and accepted broadcasts after t0")
    return passed(
        f"{asked} messages of {len(talkers)} clients and {ledger.accepted_after_t0} accepted broadcasts to"
        f" {len(ledger.audience)} clients after t0: none lost, doubled or out of order",
        max(len(talkers), len(ledger.audience)),
    )


def _flaw_of_answers(client: ClientView) -> Flaw | None:
    """How its answers differ from a prefix of what it sent, or fall short of what it was owed: a matter of time."""
    asked = _asked(client)
    answered = [event.detail["n"] for event in client.answered]
    for position, n in enumerate(answered):
        if position >= len(asked) or n != asked[position][1]:
            again = n in answered[:position]
            how = "twice" if again else "out of order"
            return Flaw(f"had message {n} answered {how}", None, f"had an answer {how}")
    if client.evicted_at is None:
        return None
    owed = sum(t <= client.evicted_at - IN_FLIGHT_S for t, _ in asked)
    if len(answered) >= owed:
        return None
    t, n = asked[len(answered)]
    before_s = client.evicted_at - t
    unanswered = f"{owed - len(answered)} of {len(asked)} unanswered"
    said = f"was closed with {unanswered}, message {n} sent {before_s:.3f} s before"
    delay = Delay(t, client.evicted_at, t + IN_FLIGHT_S, IN_FLIGHT_S)
    return Flaw(said, delay, "was closed with messages unanswered", Gravity.MISSING)
