"""What the endpoints make of a client's messages.

Owns the meaning of a text on each path, in plain text and in `ebb.v1`. Refuses to know sockets, queues and the drain.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from server.connection import Connection
from server.core.frame import Frame
from server.core.wire import (
    Ack,
    Form,
    Gap,
    Join,
    Leave,
    Malformed,
    Position,
    Publish,
    Refusal,
    Welcome,
    parse,
    parse_chat,
)
from server.heavy import HeavyPool
from server.hub import Hub


class Anonymous:
    """`/ws`: a client's text goes verbatim to every other client."""

    def __init__(self, hub: Hub, connection: Connection) -> None:
        self._hub = hub
        self._connection = connection

    def opening(self) -> Sequence[Frame]:
        """Say nothing, but listen."""
        self._hub.listen(self._connection)
        return ()

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

    def __init__(self, hub: Hub, connection: Connection, position: Position | None) -> None:
        self._hub = hub
        self._connection = connection
        self._position = position

    def opening(self) -> Sequence[Frame]:
        """Say welcome. There is no history yet to resume from, and saying so is the least we owe."""
        self._hub.listen(self._connection)
        broker, connection = self._hub.broker, self._connection
        ping_s = connection.link.ping_interval_s
        welcome = Welcome(connection=connection.name, epoch=broker.epoch, seq=broker.seq, ping_s=ping_s)
        if self._position is None:
            return (welcome.frame(),)
        return (welcome.frame(), Gap(after=self._position.seq, next=broker.seq + 1).frame())

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


def join_the_others(hub: Hub, connection: Connection, position: Position | None) -> Anonymous | Enveloped:
    """Begin a conversation on `/ws` or `/ws/{client_id}`."""
    if connection.form is Form.ENVELOPE:
        return Enveloped(hub, connection, position)
    return (Named if connection.named else Anonymous)(hub, connection)


class Alone:
    """A client that hears nothing of the others."""

    def opening(self) -> Sequence[Frame]:
        """Say nothing."""
        return ()


class Json(Alone):
    """`/ws/json`: `{"action":"chat","msg":...}` is echoed; anything else is answered with what is wrong with it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def said(self, text: str) -> None:
        """Answer one message."""
        try:
            answer = {"status": "ok", "echo": parse_chat(text).msg}
        except Malformed as error:
            answer = {"status": "error", "detail": str(error)}
        self._connection.offer(Frame.of(json.dumps(answer, ensure_ascii=False)))


class Heavy(Alone):
    """`/ws/heavy`: each text is answered with the result of a computation that takes a core, elsewhere."""

    def __init__(self, connection: Connection, pool: HeavyPool) -> None:
        self._connection = connection
        self._pool = pool

    async def said(self, text: str) -> None:
        """Answer one text."""
        self._connection.offer(Frame.of(await self._pool.compute(text)))
