"""Everyone who is connected to this process, and the way a message takes to them.

Owns the registry of connections and the fan-out: a published message gets its place in the broker's sequence, is
encoded once for each form, and is offered to every member of its audience. Never waits for a client. Refuses to know
sockets, HTTP, and why somebody is here or gone.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from server.brokers.memory import MemoryBroker
from server.connection import Connection
from server.core.close_codes import CloseCode
from server.core.fanout import Fanout
from server.core.wire import Form, Message
from server.flusher import Flusher


class Hub:
    """The connections of one process."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker
        self.connections: dict[int, Connection] = {}
        self.published = 0
        self._fanout: Fanout[Connection] = Fanout()
        self.flusher = Flusher(self._fanout.audience())
        self._named: dict[str, Connection] = {}
        broker.subscribe(self._deliver)

    def enter(self, connection: Connection) -> None:
        """Count a connection in. It hears broadcasts once it also listens."""
        self.connections[connection.number] = connection

    def listen(self, connection: Connection) -> None:
        """Send broadcasts to a connection. One with a name replaces the connection that had this name before."""
        self._fanout.enter(connection)
        if connection.named:
            if (former := self._named.get(connection.name)) is not None:
                former.close(CloseCode.POLICY_VIOLATION, "replaced by a newer connection with the same id")
            self._named[connection.name] = connection

    def forget(self, connection: Connection) -> None:
        """Count a connection out, whose link has ended."""
        del self.connections[connection.number]
        self._fanout.drop(connection)
        if self._named.get(connection.name) is connection:
            del self._named[connection.name]

    def join(self, connection: Connection, room: str) -> None:
        """Put a connection into a room."""
        self._fanout.join(connection, room)

    def leave(self, connection: Connection, room: str) -> None:
        """Take a connection out of a room."""
        self._fanout.leave(connection, room)

    async def publish(self, data: Any, *, room: str | None = None, sender: Connection | None = None) -> int:
        """Send `data` (anything JSON can hold) to everyone, or to everyone in `room`, but its sender.

        Returns the sequence number of the message. It has then been offered to everyone in this process.
        """
        self.published += 1
        message = await self.broker.publish(
            data=data,
            room=room,
            sender=sender.name if sender else None,
            named=sender is not None and sender.named,
            origin=sender.number if sender else None,
            at=datetime.now(UTC),
        )
        return message.seq

    def _deliver(self, message: Message, origin: int | None) -> None:
        sender = self.connections.get(origin) if origin is not None else None
        forms = {form: message.encode(form) for form in Form}
        if message.room is None:
            self.flusher.offer_everyone(sender, forms)
        else:
            self.flusher.offer_some(self._fanout.audience(message.room), sender, forms)
