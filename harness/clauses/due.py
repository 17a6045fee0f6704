"""What is due to each reading client in a stretch of a drain, message by message, and what did not come.

Owns: broadcasts, notifications and replies, and the POSTs that a server accepts. Refuses to know the verdict.

Rules. The contract gives no time for a message: late is what is more than 1 s old, and more than twice as old as any
before t0. What was sent less than 250 ms before its client, or its sender, was gone is not due, as in clause 10; of
broadcasts that took longer before t0, less than twice what these took.
Nothing is due while the harness has the target stopped. Notifications come as often as the target was told to, not on a
beat: three quarters of the interval more are allowed, less than it takes to leave one out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from ..history.client import ClientView
from ..history.drain import Drain
from .accepted import IN_FLIGHT_S, asked
from .fanout import ACCEPTED, BY_POST
from .verdict import Delay, Gravity, Offence, excuse

SERVED_WITHIN_S = 1.0
TIMES_SLOWER = 2
MOST_INTERVALS = 1.75

Token = tuple[str, int]


class Due(NamedTuple):
    """How many messages were due to one client, and what is wrong with that."""

    messages: int
    offence: Offence | None


class Message(NamedTuple):
    """What was due to a client: when it was sent, its name, and when it came, if it did."""

    t: float
    name: str
    came_at: float | None


class Services:
    """What was due to each reading client between two moments, for as long as it was there."""

    def __init__(self, seen: Drain, start: float, end: float) -> None:
        self._seen = seen
        self._start = start
        self._end = end
        stays = ((client, *self._stay_of(client)) for client in seen.readers)
        self._stays = [(client, since, until) for client, since, until in stays if since < until]

    def _stay_of(self, client: ClientView) -> tuple[float, float]:
        since, until = client.let_in_at, client.gone_at
        if since is None:
            return self._end, self._end
        return max(self._start, since), self._end if until is None else min(self._end, until)

    @cached_property
    def broadcasts(self) -> list[Due]:
        """Of each message that others posted or said, to each client."""
        if not self._seen.profile.broadcasts:
            return []
        offered = sorted((t, token) for token, t in self._sent_at.items() if self._was_offered(token, t))
        dues = []
        for client, since, until in self._stays:
            came_at = {(event.detail["sender"], event.detail["n"]): event.t for event in client.heard}
            due = [
                Message(t, f"{token[0]}:{token[1]}", came_at.get(token))
                for t, token in offered
                if since < t <= until - self._in_flight_s and token[0] != client.name
            ]
            dues += self._judged(client, "broadcasts", due, self._broadcasts_within_s)
        return dues

    @cached_property
    def replies(self) -> list[Due]:
        """To each client, of each message of its own."""
        dues = []
        for client, since, until in self._stays if self._seen.terms.answers else ():
            came_at = {event.detail["n"]: event.t for event in client.answered}
            due = [
                Message(t, f"that to {n}", came_at.get(n))
                for t, n in asked(client)
                if since <= t <= until - IN_FLIGHT_S
            ]
            before_s = (came_at[n] - t for t, n in asked(client) if came_at.get(n, self._seen.t0) < self._seen.t0)
            dues += self._judged(client, "replies", due, _allowed_s(before_s))
        return dues

    @cached_property
    def notifications(self) -> list[Due]:
        """To each client, as often as the target was told to."""
        interval_s = self._seen.terms.notify_interval_s
        if not interval_s or self._seen.was_frozen(self._start, self._end):
            return []
        limit_s = MOST_INTERVALS * interval_s
        dues = []
        for client, since, until in self._stays:
            times = [event.t for event in client.notified]
            last = max((t for t in times if t < since), default=since)
            inside = [t for t in times if since <= t < until]
            if inside or until - last > limit_s:
                silences = [(a, b) for a, b in pairwise([last, *inside, until]) if b - a > limit_s]
                offences = [_silence(client, Delay(a, b, a + limit_s, IN_FLIGHT_S)) for a, b in silences]
                dues.append(Due(1, self._one_that_stands(offences)))
        return dues

    @cached_property
    def refused_posts(self) -> list[Offence]:
        """The POSTs that were not accepted, where the target had accepted one before t0."""
        posts = self._seen.posts
        if not any(post.detail["status"] in ACCEPTED and post.t < self._seen.t0 for post in posts):
            return []
        found = []
        for post in posts:
            began, got = post.detail["began"], post.detail["status"] or post.detail["error"]
            if got not in ACCEPTED and self._start <= began <= self._end - IN_FLIGHT_S:
                delay = Delay(began, post.t, began + SERVED_WITHIN_S, SERVED_WITHIN_S) if got == "timeout" else None
                found.append(Offence(began, f"POST {post.detail['n']}", f"got {got}", delay))
        return found

    @cached_property
    def _sent_at(self) -> dict[Token, float]:
        """When each message was begun that everybody is to hear."""
        accepted = (post.detail for post in self._seen.posts if post.detail["status"] in ACCEPTED)
        found = {(BY_POST, post["n"]): post["began"] for post in accepted}
        for client in self._seen.connections:
            found |= {(client.name, sent.detail["n"]): sent.t for sent in client.sent if sent.detail["broadcast"]}
        return found

    @cached_property
    def _senders(self) -> dict[str, ClientView]:
        return {client.name: client for client in self._seen.connections}

    def _was_offered(self, token: Token, t: float) -> bool:
        """Whether it falls into the stretch, and its sender stayed for long enough to have it taken on."""
        if not self._start <= t <= self._end - IN_FLIGHT_S:
            return False
        return token[0] == BY_POST or self._senders[token[0]].connected_at(t + IN_FLIGHT_S)

    @cached_property
    def _in_flight_s(self) -> float:
        """How long before a client was gone a broadcast must have been sent to be due."""
        return min(SERVED_WITHIN_S, max(IN_FLIGHT_S, TIMES_SLOWER * self._slowest_broadcast_s))

    @property
    def _broadcasts_within_s(self) -> float:
        return max(SERVED_WITHIN_S, TIMES_SLOWER * self._slowest_broadcast_s)

    @cached_property
    def _slowest_broadcast_s(self) -> float:
        """How old the oldest broadcast before t0 was when it came."""
        before = (event for client in self._seen.connections for event in client.heard if event.t < self._seen.t0)
        sent = ((event.t, self._sent_at.get((event.detail["sender"], event.detail["n"]))) for event in before)
        return max((t - sent_at for t, sent_at in sent if sent_at is not None), default=0.0)

    def _judged(self, client: ClientView, kind: str, due: Sequence[Message], within_s: float) -> list[Due]:
        due = [message for message in due if not self._seen.was_frozen(message.t, message.t + within_s)]
        gone_at = self._seen.seen_until if client.gone_at is None else client.gone_at
        missed = [(m, gone_at) for m in due if m.came_at is None]
        late = [(m, m.came_at) for m in due if m.came_at is not None and m.came_at > m.t + within_s]
        what, gravity = ("missed", Gravity.MISSING) if missed else ("had late", Gravity.WRONG)
        wrong = missed or late
        offences = [
            Offence(
                message.t,
                client.name,
                f"{what} {len(wrong)} of {len(due)} {kind}, {message.name} for one",
                _delay_of(message, until, within_s),
                f"{what} {kind}",
                gravity,
            )
            for message, until in wrong
        ]
        return [Due(len(due), self._one_that_stands(offences))] if due else []

    def _one_that_stands(self, offences: Sequence[Offence]) -> Offence | None:
        """The first that the machine does not explain; the first where it explains them all."""
        first = offences[0] if offences else None
        return next((offence for offence in offences if excuse(self._seen, offence.delay) is None), first)


def _delay_of(message: Message, until: float, within_s: float) -> Delay:
    """How late a message was, or missing when its client was gone: such a client may have given it less time."""
    limit = min(message.t + within_s, until)
    return Delay(message.t, until, limit, min(SERVED_WITHIN_S, limit - message.t))


def _allowed_s(before_s: Iterable[float]) -> float:
    """How old a message may be, given how old those before t0 were."""
    return max(SERVED_WITHIN_S, TIMES_SLOWER * max(before_s, default=0.0))


def _silence(client: ClientView, gap: Delay) -> Offence:
    what = f"had no notification for {gap.until - gap.since:.3f} s (limit {gap.limit - gap.since:.3f} s)"
    return Offence(gap.since, client.name, what, gap, "missed notifications", Gravity.MISSING)
