"""`/ws` and `/ws/{client_id}`: what a client says goes to all others.

Owns the meaning of a text on these paths, in plain text and in `ebb.v1`. Refuses to know sockets, queues and the drain.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..access.authorities import Unauthorized
from ..access.gate import Gate
from ..brokers.broker import BrokerUnavailable
from ..connections.connection import Connection
from ..hub import Hub
from ..limits.rate import Limited
from ..limits.tally import LimitReason
from ..messages.frame import Frame
from ..messages.history import TooLarge
from ..messages.keys import key_of
from ..messages.wire import (
    MOST_ROOMS,
    Ack,
    Arrival,
    Form,
    Join,
    Leave,
    Malformed,
    Publish,
    Refusal,
    Renew,
    Renewed,
    Request,
    Welcome,
    id_of,
    parse,
)
from ..resume import Resume


class Anonymous:
    """`/ws`: a client's text goes verbatim to every other client."""

    def __init__(self, hub: Hub, connection: Connection, rooms: Sequence[str] = ()) -> None:
        self._hub = hub
        self._connection = connection
        self._rooms = rooms

    def on_open(self) -> Sequence[Frame]:
        """Subscribe, and say nothing."""
        self._hub.subscribe(self._connection, self._rooms)
        return ()

    async def on_message(self, text: str) -> None:
        """Send it on."""
        try:
            await self._hub.publish(text, sender=self._connection)
        except BrokerUnavailable as error:
            self._connection.offer(unavailable(error).frame())
        except TooLarge as error:
            self._connection.offer(too_large(self._connection, error).frame())
        else:
            self._confirm(text)

    def on_limited(self, text: str, limited: Limited) -> Frame:  # noqa: ARG002  # it has no id
        """Say that its sender is too fast."""
        return too_fast(limited).frame()

    def _confirm(self, text: str) -> None:
        """Say nothing: the sender is anonymous."""


class Named(Anonymous):
    """`/ws/{client_id}`: the sender hears what it said, the others who said it."""

    def _confirm(self, text: str) -> None:
        self._connection.offer(Frame.of(f"You said: {text}"))


class Enveloped:
    """`ebb.v1`: publish, join and leave, and come back; what is malformed is answered with `error`."""

    def __init__(self, hub: Hub, gate: Gate, connection: Connection, arrival: Arrival) -> None:
        self._hub = hub
        self._gate = gate
        self._connection = connection
        self._arrival = arrival

    def on_open(self) -> Sequence[Frame]:
        """Say welcome, and subscribe; a client that resumes is first brought up to date."""
        hub, connection, position = self._hub, self._connection, self._arrival.position
        if position is None:
            hub.subscribe(connection, self._arrival.rooms)
        else:
            resume = Resume(hub, connection, self._arrival.rooms, position)
            if not resume.at_once():
                connection.inbox.start(resume.run())
        here = hub.position()
        ping_s = connection.tcp.ping_interval_s
        return (Welcome(connection=connection.name, epoch=here.epoch, seq=here.seq, ping_s=ping_s).frame(),)

    async def on_message(self, text: str) -> None:
        """Carry out one request."""
        try:
            request = parse(text)
        except Malformed as error:
            self._connection.offer(Refusal(code="malformed", detail=str(error), id=error.id).frame())
            return
        match request:
            case Publish(room=str(room)) | Join(room=room) | Leave(room=room) if (
                complaint := self._connection.complaint_about("room", room)
            ):
                self._connection.offer(Refusal(code="malformed", detail=complaint, id=id_in(request)).frame())
            case Publish(room=str(room)) | Join(room=room) if not self._connection.identity.may_join(room):
                detail = f"the room {room!r} is not open to you"
                self._connection.offer(Refusal(code="forbidden", detail=detail, id=id_in(request)).frame())
            case Publish():
                await self._publish(request)
            case Join(room=room):
                self._join(room)
            case Leave(room=room):
                self._hub.leave(self._connection, room)
            case Renew(token=token):
                await self._renew(token)

    def on_limited(self, text: str, limited: Limited) -> Frame:
        """Say which request is not carried out, where it can be told: its sender is too fast."""
        return too_fast(limited, id_of(text)).frame()

    def _join(self, room: str) -> None:
        rooms = self._hub.rooms_of(self._connection)
        if len(rooms) >= MOST_ROOMS and room not in rooms:
            detail = f"{len(rooms)} rooms, limit {MOST_ROOMS}"
            self._connection.offer(Refusal(code="too_many_rooms", detail=detail).frame())
        else:
            self._hub.join(self._connection, room)

    async def _renew(self, token: str) -> None:
        """Take a new token; rooms that it does not open are left."""
        connection = self._connection
        try:
            expires_in_s = await self._gate.renew(connection, token)
        except Unauthorized as error:
            connection.offer(Refusal(code="unauthorized", detail=str(error)).frame())
            return
        for room in self._hub.rooms_of(connection):
            if not connection.identity.may_join(room):
                self._hub.leave(connection, room)
        connection.offer(Renewed(expires_in_s=expires_in_s).frame())

    async def _publish(self, request: Publish) -> None:
        """Publish once, however often it is requested, by this connection or by another one of the same name."""
        connection, key = self._connection, key_of(self._connection.name, "ws", request.id)
        try:
            seq = await self._hub.publish(request.data, room=request.room, sender=connection, key=key)
        except BrokerUnavailable as error:
            connection.offer(unavailable(error, request.id).frame())
        except TooLarge as error:
            connection.offer(too_large(connection, error, request.id).frame())
        else:
            connection.offer(Ack(id=request.id, seq=seq).frame())


def id_in(request: Request) -> str | None:
    """The id of a request, if it is of a kind that has one."""
    return request.id if isinstance(request, Publish) else None


def unavailable(error: BrokerUnavailable, request_id: str | None = None) -> Refusal:
    """Say that something may not have been published."""
    return Refusal(code="broker_unavailable", detail=str(error), id=request_id)


def too_large(connection: Connection, error: TooLarge, request_id: str | None = None) -> Refusal:
    """Say that something is not published, for it is too large; count it."""
    connection.count_limited(LimitReason.SIZE, str(error))
    return Refusal(code="malformed", detail=str(error), id=request_id)


def too_fast(limited: Limited, request_id: str | None = None) -> Refusal:
    """Say that something was not carried out, and when its sender may go on."""
    return Refusal(code="rate_limited", detail=limited.detail, id=request_id, retry_after_s=limited.retry_after_s)


def broadcast_handler(hub: Hub, gate: Gate, connection: Connection, arrival: Arrival) -> Anonymous | Enveloped:
    """Make the handler of a connection on `/ws` or `/ws/{client_id}`."""
    if connection.form is Form.ENVELOPE:
        return Enveloped(hub, gate, connection, arrival)
    return (Named if connection.named else Anonymous)(hub, connection, arrival.rooms)
