"""Clause 7: a client that does not read, or that floods, delays nobody.

Owns: how late the reading clients have their notice and their messages while such clients are connected. What
never arrives is late as well, if others had it: a server that waits for one client in the middle of a fan-out
serves those before it at once, and the others not at all. Source: contract, section Notice.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from ..history.attack import ATTACKERS
from ..history.client import ClientView
from ..history.drain import Drain
from .notice import NOTICE_WITHIN_S, delay_of_notice, due_a_notice
from .registry import clause
from .verdict import Delay, Gravity, Judgement, Offence, accuse, busy, excuse, passed, stood_still, too_few, unknown

STALLED = "stalled-reader"
DELIVERED_WITHIN_S = 0.25
TIMES_SLOWER = 2
LEAST_DELIVERIES = 10

Token = tuple[str, int]


class HeardMessage(NamedTuple):
    """A message that a reading client heard."""

    t: float
    took_s: float


@clause(7, "no-hostage", to_do="never wait for one client in the middle of a broadcast: queue for each, with a bound")
def no_hostage(seen: Drain) -> Judgement:
    """A client that does not read, or that floods, delays nobody's notice and nobody's messages."""
    attackers = {c.name: c.began for c in reversed(seen.handshakes) if c.persona in ATTACKERS and c.began < seen.t0}
    stalled = [c.opened_at for c in seen.connections if c.hostile and c.persona == STALLED and c.connected_at(seen.t0)]
    since = min((t for t in [*stalled, *attackers.values()] if t is not None), default=None)
    if since is None:
        return unknown(f"no {STALLED} was connected at t0")
    beside = f"{len(stalled)} stalled readers" + (f" and {len(attackers)} attackers" if attackers else "")
    deliveries = _Deliveries(seen, since)
    if doubt := deliveries.stood_still:
        return doubt
    notice_by = seen.t0 + NOTICE_WITHIN_S + seen.terms.parent_delay_s
    due = due_a_notice(seen)
    late = [offence for client in due if (offence := _late_notice(seen, client, notice_by))]
    if late:
        return accuse(seen, late, len(due), f"clients had no notice by {seen.at(notice_by)}")
    if offences := list(deliveries.late()):
        charge = f"clients did not have their messages within {deliveries.limit_s:.3f} s"
        return accuse(seen, offences, len(seen.readers), charge)
    notified = f"beside {beside} {len(due)} clients had their notice by {seen.at(notice_by)}"
    if not seen.profile.broadcasts:
        return (
            passed(notified) if due else unknown("no client was connected at t0 and stayed long enough to get a notice")
        )
    if len(deliveries.after) < LEAST_DELIVERIES:
        return too_few(len(deliveries.after), LEAST_DELIVERIES, "messages heard after t0")
    slowest = max(delivery.took_s for delivery in deliveries.after)
    if slowest > DELIVERED_WITHIN_S and (doubt := deliveries.too_slow_before):
        return doubt
    return passed(
        f"{notified}; {len(deliveries.after)} messages were heard, the slowest after {slowest:.3f} s"
        f" (limit {deliveries.limit_s:.3f} s)"
    )


def _late_notice(seen: Drain, client: ClientView, by: float) -> Offence | None:
    if not client.notices:
        return Offence(by, client.name, "had no notice", delay_of_notice(seen, client), gravity=Gravity.MISSING)
    t = client.notices[0].t
    delay = Delay(seen.t0, t, by, NOTICE_WITHIN_S)
    return Offence(by, client.name, f"got its notice only at {seen.at(t)}", delay) if t > by else None


class _Deliveries:
    """What the reading clients heard: before the first stalled reader came, and after t0."""

    def __init__(self, seen: Drain, stalled_since: float) -> None:
        self._seen = seen
        self._sent_at: dict[Token, float] = {
            ("broadcast", post.detail["n"]): post.detail["began"] for post in seen.posts
        }
        for client in seen.connections:
            self._sent_at |= {(client.name, sent.detail["n"]): sent.t for sent in client.sent}
        self._took = {client: self._heard_by(client) for client in seen.readers} if seen.profile.broadcasts else {}
        heard = [HeardMessage(t, took_s) for times in self._took.values() for t, took_s in times.values()]
        self.after = [delivery for delivery in heard if delivery.t > seen.t0]
        self._before = [delivery for delivery in heard if delivery.t < stalled_since]
        slowest = max((delivery.took_s for delivery in self._before), default=0.0)
        self.limit_s = max(DELIVERED_WITHIN_S, TIMES_SLOWER * slowest)

    @property
    def stood_still(self) -> Judgement | None:
        """Unknown where the harness had stopped the target meanwhile."""
        last = max((delivery.t for delivery in self.after), default=self._seen.t0)
        doubt = stood_still(self._seen, self._seen.t0, last)
        if doubt or self.limit_s == DELIVERED_WITHIN_S:
            return doubt
        first = min(delivery.t - delivery.took_s for delivery in self._before)
        return stood_still(self._seen, first, max(delivery.t for delivery in self._before))

    @property
    def too_slow_before(self) -> Judgement | None:
        """Unknown where a busy machine slowed down what the others are compared with, and so widened the limit."""
        slowest = max(self._before, key=lambda delivery: delivery.took_s)
        delay = Delay(slowest.t - slowest.took_s, slowest.t, slowest.t, DELIVERED_WITHIN_S)
        why = excuse(self._seen, delay)
        return busy(f"{why}: the limit of {self.limit_s:.3f} s comes from there") if why else None

    def late(self) -> Iterator[Offence]:
        """One offence for each client that waited too long for a message."""
        common = {token for times in self._took.values() for token in times}
        sent = sorted((self._sent_at[token], token) for token in common if self._sent_at[token] > self._seen.t0)
        for client, times in self._took.items():
            slow = sorted((t, took_s) for t, took_s in times.values() if t > self._seen.t0 and took_s > self.limit_s)
            if slow:
                delays = [self._delay(t - took_s, t) for t, took_s in slow]
                stands = next((i for i, delay in enumerate(delays) if excuse(self._seen, delay) is None), 0)
                t, took_s = slow[stands]
                yield Offence(t, client.name, f"heard a message {took_s:.3f} s old", delays[stands])
            elif missed := self._first_missed(client, times, sent):
                t, (sender, n) = missed
                until = self._seen.seen_until if client.gone_at is None else client.gone_at
                what = f"never heard {sender}:{n}, which others did"
                kind = "never heard what others did"
                yield Offence(t, client.name, what, self._delay(t, until), kind, Gravity.MISSING)

    def _delay(self, sent_at: float, until: float) -> Delay:
        return Delay(sent_at, until, sent_at + self.limit_s, DELIVERED_WITHIN_S)

    def _heard_by(self, client: ClientView) -> dict[Token, HeardMessage]:
        """When it heard what, and how long after it was sent."""
        heard = {(event.detail["sender"], event.detail["n"]): event.t for event in client.heard}
        return {
            token: HeardMessage(t, t - self._sent_at[token]) for token, t in heard.items() if token in self._sent_at
        }

    def _first_missed(
        self, client: ClientView, times: dict[Token, HeardMessage], sent: list[tuple[float, Token]]
    ) -> tuple[float, Token] | None:
        let_in_at, gone_at = client.let_in_at, client.gone_at
        if let_in_at is None:
            return None
        until = (self._seen.seen_until if gone_at is None else gone_at) - self.limit_s
        first = bisect_right(sent, let_in_at, key=lambda entry: entry[0])
        owed = (entry for entry in sent[first:] if entry[1][0] != client.name and entry[1] not in times)
        missed = next(owed, None)
        return missed if missed and missed[0] < until else None
