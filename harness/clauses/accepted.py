"""Clause 10: what the server took on is done: answers, and broadcasts to everybody.

Owns: answers; what becomes of accepted broadcasts is counted in `fanout`. Source: contract, section Service while
draining.
"""

from __future__ import annotations

from ..history.client import ClientView
from ..history.drain import Drain
from .fanout import Flaw, Ledger
from .registry import clause
from .verdict import Delay, Gravity, Judgement, Offence, accuse, excluded, passed, too_few

IN_FLIGHT_S = 0.25  # sent this long before the close, it is owed
LEAST_OWED = 20
RECENTLY_S = 1.0  # before t0: what was said then may still be in hand, and of a server that closes at once it is all


def asked(client: ClientView) -> list[tuple[float, int]]:
    """When it sent each message that has to be answered, and its number, in order."""
    return [(sent.t, sent.detail["n"]) for sent in client.sent if sent.detail.get("answerable")]


@clause(
    10,
    "accepted-is-answered",
    to_do="answer what has arrived and write what was accepted before you send a close frame",
)
def accepted_is_answered(seen: Drain) -> Judgement:
    """What was sent 250 ms before the close is answered; accepted broadcasts arrive once, in one order for everybody.

    A target may declare `order = "sender"`: then only what one sender says has an order.
    """
    ledger = Ledger(seen, IN_FLIGHT_S)
    talkers = [client for client in seen.readers if seen.terms.answers and asked(client)]
    offences = [
        Offence(seen.t0 if client.gone_at is None else client.gone_at, client.name, *flaw)
        for clients, flaw_of in ((talkers, _flaw_of_answers), (ledger.audience, ledger.flaw_of))
        for client in clients
        if (flaw := flaw_of(client))
    ]
    offences += ledger.disorder
    if offences:
        charge = "clients' answers or broadcasts were lost, doubled or out of order"
        return accuse(seen, offences, len(talkers) + len(ledger.audience), charge)
    if not seen.terms.answers and not seen.profile.broadcasts:
        return excluded("nobody is seen to hear what a client says: declare how to say it (--say, --dialect)")
    since = seen.t0 - RECENTLY_S
    said = sum(t >= since for client in talkers for t, _ in asked(client))
    # Where nobody is answered, broadcasts are all that is seen of what was said: those just before t0 count as well.
    heard, moment = ledger.accepted_after(seen.t0), "t0"
    if not seen.terms.answers:
        heard, moment = ledger.accepted_after(since), seen.at(since)
    if said + heard < LEAST_OWED:
        return too_few(
            said + heard, LEAST_OWED, f"messages after {seen.at(since)} and accepted broadcasts after {moment}"
        )
    return passed(
        f"{said} messages of {len(talkers)} clients after {seen.at(since)} and {heard} accepted"
        f" broadcasts to {len(ledger.audience)} clients after {moment}: none lost, doubled or out of order",
        max(len(talkers), len(ledger.audience)),
    )


def _flaw_of_answers(client: ClientView) -> Flaw | None:
    """How its answers differ from a prefix of what it sent, or fall short of what it was owed: a matter of time."""
    messages = asked(client)
    answered = [event.detail["n"] for event in client.answered]
    for position, n in enumerate(answered):
        if position >= len(messages) or n != messages[position][1]:
            again = n in answered[:position]
            how = "twice" if again else "out of order"
            return Flaw(f"had message {n} answered {how}", None, f"had an answer {how}")
    if client.evicted_at is None:
        return None
    owed = sum(t <= client.evicted_at - IN_FLIGHT_S for t, _ in messages)
    if len(answered) >= owed:
        return None
    t, n = messages[len(answered)]
    before_s = client.evicted_at - t
    unanswered = f"{owed - len(answered)} of {len(messages)} unanswered"
    said = f"was closed with {unanswered}, message {n} sent {before_s:.3f} s before"
    delay = Delay(t, client.evicted_at, t + IN_FLIGHT_S, IN_FLIGHT_S)
    return Flaw(said, delay, "was closed with messages unanswered", Gravity.MISSING)
