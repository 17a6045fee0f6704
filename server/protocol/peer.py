"""The client at the other end of one WebSocket: what it sends, whether it still lives, and how it is closed.

Owns the way from the bytes of the transport to messages, and its bounds: nothing is read that nobody has room for,
beyond one segment of TCP; a client with messages without end gives way to all others; pings are answered and pongs
missed (RFC 6455, 5.5); the closing handshake and a failure have their time (7.1). It has no queue, no event and no
timer. Refuses to know the handshake, ASGI (`websocket`), and what is legal on the wire (`frames`).

Rules: after the close frame nothing is sent but answers to pings, until the client closes, too (5.5.2); who writes to
the transport is told before a close frame is written by us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..connections.transport import Direct, send_at_once
from ..limits.tally import LimitReason
from ..messages.close_codes import CloseCode
from ..messages.frame import encoded
from .frames import FIN, MASKED, NO_CODE, PONG, Close, Failure, Parser, Ping, Pong, close_frame
from .keepalive import PING_BYTES
from .masks import unmask
from .shared import Shared, who_of

# Seconds that the client may take to end the connection once it was failed: to close at once would lose the close frame
# of a client that is still sending.
LINGER_S = 2.0
# Seconds in which a message is to be complete, from its first byte to its last.
MESSAGE_S = 60.0
# Of a connection that ended without any close frame. uvicorn tells NO_CODE once it was accepted.
ABNORMAL = 1006
MESSAGE = (str, bytes)  # a union is taken apart at each look
# The answer of a client to a ping of the sweep's: how it begins, and its size.
PONG_HEAD, PONG_BYTES = bytes((FIN | PONG, MASKED | PING_BYTES)), 6 + PING_BYTES
# Messages, and bytes, of one client in one turn of the event loop.
IN_ONE_TURN = 64
BYTES_IN_ONE_TURN = 16_384

# What a connection is: nothing has been asked; not accepted yet; refused, with a response that is not complete; open;
# closed by the application, whose close frame waits for its answer; over, as the peer, a failure or a response has it.
WAITING, CONNECTING, REFUSING, OPEN, CLOSING, OVER = range(6)


class Peer(asyncio.Protocol, Direct):
    """One connection, from the handshake on, to the end of TCP."""

    __slots__ = (
        "_close_s",
        "_control_full_at",
        "_lost",
        "_parser",
        "_paused",
        "_pinged",
        "_reads",
        "_shared",
        "_state",
        "_writers",
        "is_lost",
        "moment",
        "on_lost",
        "peer_closed",
        "transport",
        "would_send",
    )

    def __init__(self, shared: Shared) -> None:
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # until it is made
        self.is_lost = self.peer_closed = False
        self.would_send = True
        self.on_lost: Callable[[], None] | None = None
        self.moment = 0
        self._shared = shared
        self._state = WAITING
        self._parser = Parser(shared.max_bytes, unmask)
        self._reads = False  # whether there is room for a message
        self._control_full_at = 0.0  # when the bucket of control frames is full again
        self._paused = False  # whether TCP holds the client back
        self._close_s = shared.bounds.close_s
        self._pinged: bytes | None = None
        self._lost: asyncio.Future[None] | None = None
        self._writers: asyncio.Future[None] | None = None

    # ---- What is done about it elsewhere ----

    def _open(self, data: bytes) -> None:
        """Take the handshake."""
        raise NotImplementedError

    def _take(self, message: str | bytes) -> bool:
        """Take a message, and say whether there is room for another one."""
        raise NotImplementedError

    def _ending(self) -> None:
        """The close frame is about to be written."""
        raise NotImplementedError

    def _ended(self, code: int, reason: str | None = None) -> None:
        """The connection has ended, or is about to, so that nothing is heard any more."""
        raise NotImplementedError

    # ---- The event loop ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be a connection."""
        self.transport = transport  # type: ignore[assignment]  # uvicorn makes no others
        self._shared.connections.add(self)
        if self._shared.config.fd is not None:
            send_at_once(transport)

    def data_received(self, data: bytes) -> None:
        """Take what the client has sent."""
        if self._state is WAITING:
            self._open(data)
        elif self._state is not OVER and not self._takes_pong(data):
            self._parser.feed(data)
            if self._may_read:
                self._advance()
            elif not self._paused:
                self._paused = True
                self.transport.pause_reading()

    def pause_writing(self) -> None:
        """Have everyone wait who sends, and the client too, which reads too slowly: 64 KiB wait for it."""
        self.would_send = False

    def resume_writing(self) -> None:
        """Go on."""
        self.would_send = True
        if self._reads:
            self.go_on()
        self._wake_writers()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # it is over, whatever the reason
        """Tell everyone who waits for anything here."""
        shared = self._shared
        shared.connections.discard(self)
        shared.sweep.leave(self)
        shared.deadlines.settle(self)
        self.is_lost = self.would_send = True
        was_accepted = self._state >= OPEN
        self._state = OVER
        self._ended(NO_CODE if was_accepted else ABNORMAL)
        self._wake_writers()
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)
        if (then := self.on_lost) is not None:
            self.on_lost = None
            then()

    # ---- What the client sends ----

    @property
    def _may_read(self) -> bool:
        """Whether there is room for a message, and, if it may want an answer, for that."""
        return self._reads and (self.would_send or self._state is not OPEN)

    def go_on(self) -> None:
        """There is room for the next message."""
        if self._state in (OPEN, CLOSING):
            self._reads = True
            self._advance()
            if self._paused and self._may_read:
                self._paused = False
                self.transport.resume_reading()

    def _advance(self) -> None:
        """Take what has arrived, as long as there is room for it."""
        turn, last = IN_ONE_TURN, self._parser.unread - BYTES_IN_ONE_TURN
        while self._may_read and (event := self._parser.next()) is not None:
            if isinstance(event, MESSAGE):
                if self._state is OPEN:  # else nobody is there to read it
                    has_room = self._take(event)
                    self._reads = has_room or self._state is not OPEN
            elif isinstance(event, Pong) and event.payload == self._pinged:
                self._pinged = None
            elif isinstance(event, Ping | Pong):
                self._take_control(event)
            elif isinstance(event, Close):
                self._peer_has_closed(event)
            else:
                self._fail(event)
            turn -= 1
            if (turn == 0 or self._parser.unread < last) and self._reads:
                self._reads = False
                self._shared.loop.call_soon(self.go_on)
        if self._state is OPEN:
            self._time_the_message()

    def _takes_pong(self, data: bytes) -> bool:
        """Whether this was the pong that is due and nothing else: most of what an idle client ever sends."""
        if self._pinged is None or len(data) != PONG_BYTES or data[:2] != PONG_HEAD or self._parser.midway:
            return False
        if unmask(data[6:], data[2:6]) == self._pinged:
            self._pinged = None
        return self._pinged is None

    def _take_control(self, event: Ping | Pong) -> None:
        """Answer a ping. Not any number of control frames."""
        now, rate = self._shared.loop.time(), self._shared.bounds.control
        self._control_full_at = max(self._control_full_at, now) + rate.each_s
        if self._control_full_at - now > rate.burst_s:
            detail = f"control frames: {rate}"
            self._shared.count(LimitReason.CONTROL, who_of(self.transport), detail)
            self._fail(Failure(CloseCode.POLICY_VIOLATION, detail))
        elif isinstance(event, Ping) and self.would_send:  # nobody asked for a pong
            self.transport.write(encoded(PONG, event.payload))

    def _time_the_message(self) -> None:
        """Bound the time of a message that has begun; not while it is us who do not read."""
        deadlines = self._shared.deadlines
        if not (self._parser.midway and self._may_read):
            deadlines.settle(self)
        elif not deadlines.expects(self):
            deadlines.expect(self, MESSAGE_S)

    # ---- The end ----

    def _close(self, code: int, reason: str) -> None:
        """Begin the closing handshake."""
        if self._state is OPEN and not self.transport.is_closing():
            self._state = CLOSING
            self._ended(code, reason)
            self.transport.write(close_frame(code, reason))
            self._shared.sweep.leave(self)
            self._shared.deadlines.expect(self, self._close_s)
            self.go_on()

    def _peer_has_closed(self, close: Close) -> None:
        self.peer_closed = True
        if self._state is OPEN:
            self._end(close.code, close.reason)
        self._hang_up()

    def _fail(self, failure: Failure) -> None:
        """Fail the connection (7.1.7): say why, send nothing more, and drop what the client still sends."""
        if self._state is OPEN:
            self._end(failure.code, failure.reason)
        self._state = OVER
        self._reads = False
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._shared.deadlines.expect(self, LINGER_S)
        else:
            self._hang_up()

    def _end(self, code: int, reason: str) -> None:
        """Send the close frame, after all that others have to send."""
        self._ending()
        self._state = OVER
        self._reads = False
        self._shared.sweep.leave(self)
        self.transport.write(close_frame(code, reason))
        self._ended(code, reason)

    def _hang_up(self) -> None:
        """End TCP once the client has everything; one that does not read it is cut off in time."""
        self._state = OVER
        self._shared.sweep.leave(self)
        if self.transport.get_write_buffer_size():
            self._shared.deadlines.expect(self, self._close_s)
        self.transport.close()

    # ---- The sweep ----

    def ping(self, payload: bytes, frame: bytes) -> None:
        """Ping the client, unless it has yet to answer an earlier one."""
        if self._pinged is None:
            self._pinged = payload
            self.transport.write(frame)

    def missed_pong(self, payload: bytes) -> None:
        """Close, where this ping was not answered though we read, or would read if the client did."""
        if self._pinged is payload:
            if self._reads:
                self._end(CloseCode.INTERNAL_ERROR, "keepalive ping timeout")
                self._hang_up()
            else:
                self._pinged = None  # it may be here, and not read

    def overdue(self) -> None:
        """The message is not complete, our close frame not answered, or the failed connection not ended."""
        if self._state is OPEN:
            self._fail(Failure(CloseCode.POLICY_VIOLATION, f"message incomplete after {MESSAGE_S:g} s"))
        else:
            self.transport.abort()

    # ---- What is asked of a connection beyond ASGI (`Direct`) ----

    @property
    def lost(self) -> asyncio.Future[None]:
        """Done once the connection has ended."""
        if self._lost is None or self._lost.cancelled():  # as it is with the task that awaits it
            self._lost = self._shared.loop.create_future()
            if self.is_lost:
                self._lost.set_result(None)
        return self._lost

    @property
    def ping_interval_s(self) -> float | None:
        """How often the client is pinged, in seconds; None for never."""
        return self._shared.config.ws_ping_interval

    @property
    def server_closed(self) -> bool:
        """Whether our close frame was sent before the client's."""
        return self._state in (CLOSING, OVER) and not self.peer_closed

    def set_close_timeout(self, seconds: float) -> None:
        """Bound the closing handshake that is about to begin."""
        self._close_s = seconds

    def abort(self) -> None:
        """Cut the connection off, whatever its write buffer still holds."""
        self.transport.abort()

    async def writable(self) -> None:
        """Return when the client has read enough, or is gone."""
        while not self.would_send:
            if self._writers is None:
                self._writers = self._shared.loop.create_future()
            await asyncio.wait([self._writers])

    def _wake_writers(self) -> None:
        if self._writers is not None:
            self._writers.set_result(None)
            self._writers = None
