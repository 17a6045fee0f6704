"""The connections of this process, and the way of a message to them.

Owns the registry of connections and the fan-out: a published message gets its place in the broker's log, is encoded
once for each form, stored for clients that resume, and offered to every member of its audience. Never waits for a
client. Refuses to know sockets, HTTP, and why a connection came or ended.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .access.identity import Identity
from .brokers.broker import Broker
from .connections.connection import Connection
from .connections.outgoing import Broadcaster, Outgoing
from .durations import Durations
from .messages.close_codes import CloseCode
from .messages.history import History, Message, Post, StoredMessage, check_size
from .messages.wire import Form, Gap, Position
from .rooms import Fanout

if TYPE_CHECKING:
    from .tracing import Tracing

MOST_BYTES = 262_144  # of the data of one message, as JSON


class Hub:
    """The connections of one process."""

    def __init__(self, broker: Broker, history: History, most_bytes: int = MOST_BYTES) -> None:
        self.broker = broker
        self.process = uuid.uuid4().hex[:8]
        self.connections: dict[int, Connection] = {}
        self.history = history
        self._most_bytes = most_bytes
        self.published = 0
        self.broker_lag = Durations()
        self.tracing: Tracing | None = None
        self._received = 0
        self._here: Position | None = None
        self._fanout: Fanout[Connection] = Fanout()
        self.broadcaster = Broadcaster()
        self._by_name: dict[str, Connection] = {}
        broker.subscribe(self._deliver, self._lose)

    # ---- Connections ----

    def enter(self, connection: Connection) -> None:
        """Count a connection in. It is sent broadcasts once it has subscribed."""
        self.connections[connection.number] = connection

    def subscribe(self, connection: Connection, rooms: Iterable[str] = ()) -> None:
        """Send a connection what is for everyone, for these rooms, and for it alone, from now on.

        It replaces one that had the same name before.
        """
        connection.outgoing.subscribe()
        self._fanout.enter(connection)
        for room in rooms:
            self._fanout.join(connection, room)
        if (former := self._by_name.get(connection.name)) is not None:
            former.close(CloseCode.POLICY_VIOLATION, "replaced by a newer connection with the same id")
        self._by_name[connection.name] = connection

    def holder(self, name: str) -> Identity | None:
        """Who has this name; None: nobody."""
        there = self._by_name.get(name)
        return None if there is None else there.identity

    def forget(self, connection: Connection) -> None:
        """Count a connection out that has ended; one that never entered changes nothing."""
        if self.connections.pop(connection.number, None) is not None:
            self._received += connection.inbox.received
        self._fanout.drop(connection)
        if self._by_name.get(connection.name) is connection:
            del self._by_name[connection.name]

    def join(self, connection: Connection, room: str) -> None:
        """Put a connection into a room."""
        self._fanout.join(connection, room)

    def leave(self, connection: Connection, room: str) -> None:
        """Take a connection out of a room."""
        self._fanout.leave(connection, room)

    def rooms_of(self, connection: Connection) -> list[str]:
        """The rooms that a connection is in."""
        return self._fanout.rooms_of(connection)

    @property
    def received(self) -> int:
        """How many messages were taken from clients, those that are gone too."""
        return self._received + sum(each.inbox.received for each in self.connections.values())

    # ---- Messages ----

    def position(self) -> Position:
        """Up to where this process has delivered."""
        here, epoch, seq = self._here, self.broker.epoch, self.history.last
        if here is None or here.seq != seq or here.epoch != epoch:
            here = self._here = Position(epoch=epoch, seq=seq)
        return here

    async def publish(
        self,
        data: Any,
        *,
        room: str | None = None,
        to: str | None = None,
        sender: Connection | None = None,
        speaker: str | None = None,
        key: str | None = None,
    ) -> int:
        """Send `data` (anything JSON can hold) to everyone, to a room, or to one client by its name; not to its sender.

        Without a `sender` it is said by `speaker`, None for the server itself.
        Returns the number of the message. What was published before with the same `key` is not sent again.
        Raises BrokerUnavailable, within a second, and TooLarge.
        """
        check_size(data, self._most_bytes)
        post = Post(
            data=data,
            at=datetime.now(UTC),
            room=room,
            to=to,
            sender=sender.name if sender else speaker,
            named=sender.named if sender else speaker is not None,
            origin=(self.process, sender.number) if sender else None,
            key=key,
        )
        if self.tracing is None:
            seq = await self.broker.publish(post)
        else:
            seq = await self.tracing.publish(self.broker.publish, post, sender.handshake if sender else None)
        self.published += 1
        return seq

    async def catch_up(self) -> None:
        """Return once what was published before, in any process, is offered to its audience here; within 1.2 s."""
        await self.broker.catch_up()

    def knows(self, position: Position) -> bool:
        """Whether a position is one in this log, and not beyond what this process has delivered."""
        return position.epoch == self.broker.epoch and position.seq <= self.history.last

    def is_behind(self, position: Position) -> bool:
        """Whether a position lies beyond what this process has delivered."""
        return position.epoch == self.broker.epoch and position.seq > self.history.last

    def missed(
        self, connection: Connection, rooms: Collection[str], since: int, limit_bytes: int | None = None
    ) -> tuple[list[StoredMessage | Gap], int]:
        """List what was for a connection in these rooms after `since`, and the number up to which that is complete.

        In the place of what may be lost is a gap. To be asked again from that number on, until it is the last one.
        """
        name = connection.name
        lost = self.history.lost_for(name, rooms)
        mine: list[StoredMessage | Gap] = []
        told = at = since
        hole = False
        kept = self.history.after(since, limit_bytes)
        for each in kept:
            hole = hole or (at < lost and at + 1 < each.seq)
            at = each.seq
            if (
                (each.room is None or each.room in rooms)
                and (each.to is None or each.to == name)
                and not (connection.named and each.sender == name)
            ):
                if hole:
                    mine.append(self._gap(told, at))
                mine.append(each)
                told, hole = at, False
        if not kept:
            at, hole = self.history.last, since < lost
        if hole:
            mine.append(self._gap(told, at + 1))
        return mine, at

    def _deliver(self, message: Message) -> None:
        post = message.post
        if message.seq != self.history.last + 1:
            self._lose(message.seq - 1)
        forms = {form: message.encode(form) for form in Form}
        self.history.add(StoredMessage(message.seq, post.room, post.to, post.sender, forms[Form.ENVELOPE].wire))
        if post.to is None and post.room is None:
            self.broadcaster.offer_everyone(self._sender(post), forms)
        else:
            audience = (each.outgoing for each in self._audience(post))
            self.broadcaster.offer_some(audience, self._sender(post), forms)
        if self.connections:  # what the log held before anybody was here is late for nobody
            self.broker_lag.add(max(0.0, time.time() - post.at.timestamp()))

    def _lose(self, after: int) -> None:
        """Tell every `ebb.v1` client that messages are lost: the log goes on `after` that number."""
        gap = self._gap(self.history.last, after + 1).frame()
        if after > self.history.last:
            self.history.skip(after)
        else:  # another log
            self.history.begin_after(after)
        envelopes = (each.outgoing for each in self._fanout.audience() if each.form is Form.ENVELOPE)
        self.broadcaster.offer_some(envelopes, None, {Form.ENVELOPE: gap})

    def _gap(self, after: int, following: int) -> Gap:
        return Gap(after=after, next=following, epoch=self.broker.epoch)

    def _audience(self, post: Post) -> Iterable[Connection]:
        if post.to is None:
            return self._fanout.audience(post.room)
        return [self._by_name[post.to]] if post.to in self._by_name else []

    def _sender(self, post: Post) -> Outgoing | None:
        """Find the sender, which is left out, where it is connected here."""
        if post.origin is not None and post.origin[0] == self.process:
            sender = self.connections.get(post.origin[1])
        else:
            sender = self._by_name.get(post.sender) if post.named and post.sender else None
        return sender.outgoing if sender is not None else None
