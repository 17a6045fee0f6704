"""What reconnecting clients lost, had twice or had in the wrong order: the counting behind clause 33.

Owns the meaning of these words, on raw frames. Refuses to know how many are too many.

- **due**: a message that the server accepted (acknowledged, or sent to anybody; where nothing is acknowledged, also one
  that was said on a connection that went on for a second) is due to everyone but its sender who had been welcomed
  before it was first sent.
- **lost**: due, and never received. Or: a connection went on with a later message of the same sender and left out one
  that was accepted, although the client had said that it did not have it; another connection may have brought it, this
  one owed it.
- **announced**: the same, where a `gap` that this client got covers its place in the log.
- **doubled**: came a second time on one connection, or on a connection that was begun after it had been received on
  another one. While two connections of a client stand side by side, both owe it the same messages. In a new epoch a
  message may be new again, for its first publish was lost with the log.
- **reordered**: came for the first time after a later one of the same sender.
- **unanswered**: a resume that was followed by a message before `resumed` or `gap`, or by neither within 1 s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from ..history.reconnecting import ConnectionView, Numbered, ReconnectingClientView
from ..history.resume_run import ResumeRun
from .verdict import Delay, Gravity, Offence

ANSWERED_WITHIN_S = 1.0


@dataclass
class Delivery:
    """The count of one run: `due` in all, and every offence by its word."""

    due: int = 0
    lost: list[Offence] = field(default_factory=list)
    announced: list[Offence] = field(default_factory=list)
    doubled: list[Offence] = field(default_factory=list)
    reordered: list[Offence] = field(default_factory=list)
    unanswered: list[Offence] = field(default_factory=list)


def count(run: ResumeRun) -> Delivery:
    """Count what all clients of a run received, and what not."""
    delivery = Delivery()
    places = _Places(run)
    for client in run.clients:
        due = _due(run, client)
        delivery.due += len(due)
        missing = dict.fromkeys(due - client.received(), "")
        for connection in client.connections:
            _Walk(run, client, connection, delivery, missing).go()
            _look_at_the_answer(run, connection, delivery)
        gaps = [gap for connection in client.connections for gap in connection.gaps]
        for numbered, where in missing.items():
            announced = any(gap.covers(*place) for place in places.of(numbered) for gap in gaps) if gaps else False
            what = f"did not get {run.name_of(numbered)}{where}"
            kind = "did not get a message" + (" on a connection that went on" if where else "")
            offence = Offence(run.said_at(numbered), client.name, what, kind=kind, gravity=Gravity.MISSING)
            (delivery.announced if announced else delivery.lost).append(offence)
    return delivery


def _due(run: ResumeRun, client: ReconnectingClientView) -> set[Numbered]:
    if client.since is None:
        return set()
    me, first = run.index_of(client.name), run.due_from(client.since)
    return {(sender, n) for sender, n in run.accepted if sender != me and n >= first.get(sender, n + 1)}


def _look_at_the_answer(run: ResumeRun, connection: ConnectionView, delivery: Delivery) -> None:
    if connection.position is None or connection.opened_at is None or not connection.answers:
        return
    until = run.seen_until if connection.ended_at is None else connection.ended_at
    frames = len(connection.n) if connection.answer is None else connection.answer.detail["frames"]
    opened_at, delay, gravity = connection.opened_at, None, Gravity.WRONG
    if frames:
        what = f"had {frames} messages on {connection.name} before its resume was answered"
    elif connection.answer is None and until > opened_at + ANSWERED_WITHIN_S:
        what = f"had no answer to its resume on {connection.name} in {until - opened_at:.3f} s"
        delay = Delay(opened_at, until, opened_at + ANSWERED_WITHIN_S, ANSWERED_WITHIN_S)
        gravity = Gravity.MISSING
    else:
        return
    kind = "had no answer to its resume" if delay else "had messages before its resume was answered"
    delivery.unanswered.append(Offence(opened_at, connection.client, what, delay, kind, gravity))


class _Walk:
    """One connection, arrival by arrival."""

    def __init__(
        self,
        run: ResumeRun,
        client: ReconnectingClientView,
        connection: ConnectionView,
        delivery: Delivery,
        missing: dict[Numbered, str],
    ) -> None:
        self._run = run
        self._client = client
        self._connection = connection
        self._delivery = delivery
        self._missing = missing

    def go(self) -> None:
        """Compare each arrival with the one of its sender before it."""
        connection, last = self._connection, self._owed_after()
        me = self._run.index_of(self._client.name)
        for i, (sender, n) in enumerate(zip(connection.sender, connection.n, strict=True)):
            before = last.get(sender, n - 1)
            if n == before + 1 or sender == me:
                last[sender] = n
            elif n > before:
                for hole in range(before + 1, n):
                    # Where publishes are acknowledged, a speaker goes on only once its last one was accepted.
                    if connection.answers or (sender, hole) in self._run.accepted:
                        where = f" on {connection.name}, which went on with later ones"
                        self._missing.setdefault((sender, hole), where)
                last[sender] = n
            else:
                self._come_back_to(i, (sender, n))

    def _owed_after(self) -> dict[int, int]:
        """The last number of each sender that this connection does not owe: the client has it, or came after it."""
        run, connection, client = self._run, self._connection, self._client
        anew = connection.position is None
        since = connection.welcomed_at if anew else client.since
        last = {sender: n - 1 for sender, n in run.due_from(connection.began if since is None else since).items()}
        for other, arrivals in () if anew else client.before(connection.began):
            for sender, n in zip(other.sender[:arrivals], other.n[:arrivals], strict=True):
                if n > last.get(sender, 0):
                    last[sender] = n
        return last

    def _come_back_to(self, i: int, numbered: Numbered) -> None:
        """An arrival that is not above those before it: had before, too late, or new again in a new epoch."""
        connection = self._connection
        epochs = [epoch for at, epoch in self._earlier.get(numbered, ()) if at < i]
        named = f"{self._run.name_of(numbered)} on {connection.name}"
        if connection.epoch_at(i) in epochs:
            what = f"was sent {named} again"
            self._delivery.doubled.append(Offence(connection.at[i], connection.client, what, kind="was sent it again"))
        elif not epochs and self._has_a_later_one(i, numbered):
            self._missing.pop(numbered, None)
            what, kind = f"was sent {named} after a later one", "was sent it too late"
            self._delivery.reordered.append(Offence(connection.at[i], connection.client, what, kind=kind))

    def _has_a_later_one(self, i: int, numbered: Numbered) -> bool:
        sender, n = numbered
        later = (arrivals for (other, m), arrivals in self._earlier.items() if other == sender and m > n)
        return any(at < i for arrivals in later for at, _ in arrivals)

    @cached_property
    def _earlier(self) -> dict[Numbered, list[tuple[int, str]]]:
        """Each message with its arrivals and their epochs: here by index, those elsewhere before this one as -1."""
        found: dict[Numbered, list[tuple[int, str]]] = {}
        for other, arrivals in self._client.before(self._connection.began):
            for at in range(arrivals):
                found.setdefault((other.sender[at], other.n[at]), []).append((-1, other.epoch_at(at)))
        for at, numbered in enumerate(zip(self._connection.sender, self._connection.n, strict=True)):
            found.setdefault(numbered, []).append((at, self._connection.epoch_at(at)))
        return found


class _Places:
    """Where each message is in the log, as anybody saw it: looked up only where something is missing."""

    def __init__(self, run: ResumeRun) -> None:
        self._run = run

    def of(self, numbered: Numbered) -> set[tuple[str, int]]:
        """Its places: one an epoch. Of a message that nobody received only its number is known."""
        if (seen := self._seen.get(numbered)) is not None:
            return seen
        numbers = self._run.acknowledged.get(numbered, set())
        return {(epoch, seq) for epoch in self._epochs for seq in numbers}

    @cached_property
    def _seen(self) -> dict[Numbered, set[tuple[str, int]]]:
        found: dict[Numbered, set[tuple[str, int]]] = {}
        for connection in self._run.connections.values():
            for at, numbered in enumerate(zip(connection.sender, connection.n, strict=True)):
                found.setdefault(numbered, set()).add((connection.epoch_at(at), connection.seq[at]))
        return found

    @cached_property
    def _epochs(self) -> set[str]:
        connections = self._run.connections.values()
        return {epoch for connection in connections for _, epoch, _ in connection.stretches}
