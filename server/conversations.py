"""What the endpoints make of a client's messages.

Owns the meaning of a text on `/ws` and `/ws/{client_id}`, in plain text and in `ebb.v1`. Refuses to know sockets,
queues and the drain.
"""

from __future__ import annotations

from server.connection import Connection
from server.core.outbox import Frame
from server.core.wire import Ack, Join, Leave, Malformed, Publish, Refusal, parse
from server.hub import Hub


class Anonymous:
    """`/ws`: a client's text goes verbatim to every other client."""

    def __init__(self, hub: Hub, connection: Connection) -> None:
        self._hub = hub
        self._connection = connection

    async def said(self, text: str) -> None:
        """Send it on."""
        await self._hub.publish(text, sender=self._connection)


class Named(Anonymous):
    """`/ws/{client_id}`: the sender hears what it said, the others who said it."""

    async def said(self, text: str) -> None:
        """Send it on, then confirm."""
        await super().said(text)
        self._connection.offer(Frame.of(f"You said: {text}"))


class Enveloped:
    """`ebb.v1`: publish, join and leave; a malformed request is answered with `error`, and the connection stays."""

    def __init__(self, hub: Hub, connection: Connection) -> None:
        self._hub = hub
        self._connection = connection

    async def said(self, text: str) -> None:
        """Carry out one request."""
        try:
            request = parse(text)
        except Malformed as error:
            self._connection.offer(Refusal(code="malformed", detail=str(error)).frame())
            return
        match request:
            case Publish(id=id, room=room, data=data):
                seq = await self._hub.publish(data, room=room, sender=self._connection)
                self._connection.offer(Ack(id=id, seq=seq).frame())
            case Join(room=room):
                self._hub.join(self._connection, room)
            case Leave(room=room):
                self._hub.leave(self._connection, room)
