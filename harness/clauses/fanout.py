"""The broadcast half of clause 10: every accepted broadcast reaches each reading client once and in order.

Owns: which messages count as accepted, when, who had to hear them, and in which order. A posted broadcast is accepted
when its POST is answered 200 or 202; a client's message when it is answered or, in a dialect without answers, once its
sender has stayed connected for a moment after it; what a client says in a room of its own is for nobody else. Two POSTs
that overlap have no order, but the same for everybody.

Every client is owed what was accepted before it was sent a close frame. That comes on the connection after it, and the
harness sees both in one event loop: what it saw accepted first is owed, but for a lag, or a client that looks seldom.
Who leaves of its own accord may have had it on its way: a server learns of that when it happens.

A ledger is walked in the order of acceptance and only as far as the first message that a client missed, so
judging costs what was heard, not clients times messages.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from typing import NamedTuple

from ..history.client import ClientView
from ..history.drain import SEES_LATE_S, Drain
from ..history.machine import SMALLEST_LAG_S
from .one_order import out_of_order
from .verdict import Delay, Gravity, Offence

ACCEPTED = frozenset({200, 202})
BY_POST = "broadcast"


class Flaw(NamedTuple):
    """What is wrong, in words; how late something was, where that is all; its kind, without the message's number."""

    what: str
    delay: Delay | None
    kind: str
    gravity: Gravity = Gravity.WRONG


class Accepted(NamedTuple):
    """One accepted broadcast: the server took it on at some moment between the two."""

    accepted_at: float
    sent_at: float
    sender: str
    n: int


class Ledger:
    """All accepted broadcasts of a drain, and the clients who are to hear them."""

    def __init__(self, seen: Drain, in_flight_s: float) -> None:
        self._seen = seen
        self._in_flight_s = in_flight_s
        self._ledger: list[Accepted] = []
        self.audience: list[ClientView] = []
        if seen.profile.broadcasts:
            self._ledger = sorted(self._posted() + [entry for c in seen.connections for entry in self._said_by(c)])
            self.audience = seen.readers
        self._posts = {entry.n: entry for entry in self._ledger if entry.sender == BY_POST}

    def accepted_after(self, t: float) -> int:
        """How many of them the server accepted after a moment."""
        return len(self._ledger) - bisect_right(self._ledger, t, key=lambda entry: entry.accepted_at)

    def flaw_of(self, client: ClientView) -> Flaw | None:
        """What this client heard twice, out of order or, first of all, not at all."""
        tokens = [(event.detail["sender"], event.detail["n"]) for event in client.heard]
        heard = set(tokens)
        if len(heard) < len(tokens):
            (sender, n), times = Counter(tokens).most_common(1)[0]
            return Flaw(f"heard {sender}:{n} {times} times", None, "heard a broadcast again")
        disorder = self._first_disorder(tokens)
        return Flaw(disorder, None, "heard broadcasts out of order") if disorder else self._first_missing(client, heard)

    def _posted(self) -> list[Accepted]:
        return [
            Accepted(post.t, post.detail["began"], BY_POST, post.detail["n"])
            for post in self._seen.posts
            if post.detail.get("status") in ACCEPTED
        ]

    def _said_by(self, client: ClientView) -> list[Accepted]:
        if self._seen.terms.answers:
            answered_at = {event.detail["n"]: event.t for event in client.answered}
        else:
            stayed_until = self._seen.seen_until if client.gone_at is None else client.gone_at
            settled_at = [(sent.detail["n"], sent.t + self._in_flight_s) for sent in client.sent]
            answered_at = {n: t for n, t in settled_at if t < stayed_until}
        return [
            Accepted(answered_at[sent.detail["n"]], sent.t, client.name, sent.detail["n"])
            for sent in client.sent
            if sent.detail["broadcast"] and sent.detail["n"] in answered_at
        ]

    def _first_missing(self, client: ClientView, heard: set[tuple[str, int]]) -> Flaw | None:
        let_in_at = client.let_in_at
        if let_in_at is None:
            return None
        gone_at = self._seen.seen_until if client.gone_at is None else client.gone_at
        until = gone_at - self._blur_s(client, gone_at)
        first = bisect_right(self._ledger, let_in_at, key=lambda entry: entry.accepted_at)
        for position in range(first, len(self._ledger)):
            accepted_at, sent_at, sender, n = self._ledger[position]
            if accepted_at >= until:
                return None
            if sent_at > let_in_at and sender != client.name and (sender, n) not in heard:
                delay = Delay(accepted_at, gone_at, accepted_at, self._in_flight_s)
                what = f"had not heard {sender}:{n}, accepted at {self._seen.at(accepted_at)}"
                cut_off = client.was_cut_off and accepted_at > gone_at - self._in_flight_s
                kind = "was cut off with a broadcast on its way" if cut_off else "had not heard a broadcast"
                return Flaw(what, delay, kind, Gravity.MISSING)
        return None

    def _blur_s(self, client: ClientView, gone_at: float) -> float:
        """How much earlier than its end was seen something must have been accepted to be owed."""
        torn_down = client.close_received is None and (client.ended is None or client.ended.how == "local")
        if torn_down or client.left_at is not None:
            return self._in_flight_s
        lag_s = self._seen.worst_lag(gone_at - self._in_flight_s, gone_at)
        return SMALLEST_LAG_S + min(lag_s, self._in_flight_s / 4) + SEES_LATE_S.get(client.persona, 0.0)

    @property
    def disorder(self) -> list[Offence]:
        """Who heard two broadcasts in another order than the others, where there is to be one for everybody."""
        if self._seen.profile.order == "sender":
            return []
        heard = {c.name: [(event.detail["sender"], event.detail["n"]) for event in c.heard] for c in self.audience}
        ends = {client.name: client.gone_at or self._seen.seen_until for client in self.audience}
        kind = "heard broadcasts in another order than others"
        return [
            Offence(ends[who], who, f"heard {a[0]}:{a[1]} before {b[0]}:{b[1]}, others after it", None, kind)
            for who, (a, b) in out_of_order(heard).items()
        ]

    def _first_disorder(self, tokens: list[tuple[str, int]]) -> str | None:
        newest: dict[str, int] = {}
        for sender, n in tokens:
            before = newest.get(sender, -1)
            if n > before:
                newest[sender] = n
            elif self._in_order(sender, n, before):
                return f"heard {sender}:{n} after {sender}:{before}"
        return None

    def _in_order(self, sender: str, n: int, later: int) -> bool:
        """Whether message n of a sender was accepted before a later one was begun."""
        if sender != BY_POST:
            return True
        post, next_post = self._posts.get(n), self._posts.get(later)
        return bool(post and next_post and post.accepted_at < next_post.sent_at)
