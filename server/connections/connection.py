"""One WebSocket connection: what comes in, what goes out, and how it ends.

Owns the life of a connection: its own task reads into the inbox; what is offered leaves in the same turn of the event
loop; and closing, in order. Refuses to know what messages mean (see `endpoints`), which other connections there are,
and why this one is closed.

Rules: `offer` and `close` never wait; the close frame follows everything that was offered before it; nothing is
offered after it. `run` returns when the TCP connection has ended, not before: FIN must not overtake the closing
handshake. Measured on uvicorn 0.54: closing at once loses what waits in its queue (of 30 messages in one
segment 7 or 8 were answered), hence `say_goodbye`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from ..drain.events import TURNS, Departure
from ..limits.rate import Meter
from ..limits.tally import LimitReason
from ..messages.close_codes import CloseCode
from ..messages.frame import Frame
from ..messages.names import complaint_about
from ..messages.wire import Draining, Expiring
from .asgi import Receive, Send
from .goodbye import Goodbye
from .inbox import Inbox
from .lane import output_of
from .outgoing import Broadcaster, Outgoing
from .terms import Caller, Handler, Limits
from .transport import Direct, Tcp

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

logger = logging.getLogger("ebb")

# Seconds in which messages of a client that has left are still carried out.
_FINISH_S = 1.0


class Connection:
    """A client's connection. It is `open` until either side has closed. `handshake` is its span, if it has one."""

    __slots__ = (
        "_aborted",
        "_clock",
        "_closer",
        "_goodbye",
        "_handler",
        "_limits",
        "_meter",
        "_receive",
        "_send",
        "form",
        "handshake",
        "identity",
        "inbox",
        "name",
        "named",
        "number",
        "outgoing",
        "tcp",
    )

    _handler: Handler

    def __init__(
        self,
        who: Caller,
        receive: Receive,
        send: Send,
        tcp: Tcp,
        limits: Limits,
        broadcaster: Broadcaster,
    ) -> None:
        self.number, self.name, self.named, self.form, self.identity = who
        self.tcp = tcp
        self.outgoing = Outgoing(broadcaster, self.form, self._overflow)
        self.inbox = Inbox(limits.inbox_messages, self._fail)
        self.handshake: SpanContext | None = None
        self._goodbye: Goodbye | None = None
        self._receive = receive
        self._send = send
        self._limits = limits
        self._clock = asyncio.get_running_loop().time
        self._closer: asyncio.Task[None] | None = None
        self._meter: Meter | None = None  # most clients only listen
        self._aborted = False

    @property
    def open(self) -> bool:
        """Whether something may be offered."""
        return self.outgoing.open

    # ---- The life of a connection ----

    async def run(self, handler: Handler, subprotocol: str | None = None) -> None:
        """Accept, and serve until the TCP connection has ended. Whatever is raised cuts the connection off."""
        self._handler = handler
        self.inbox.answer = handler.on_message if self._limits.meters is None else self._answer
        try:
            if isinstance(self.tcp, Direct):
                self.tcp.accept(subprotocol)
            else:
                await self._send({"type": "websocket.accept", "subprotocol": subprotocol})
            self.tcp.forget_handshake()
            first = handler.on_open()
            self.outgoing.begin(output_of(self.tcp, self._send, self._limits.outbox_bytes), first)
            if isinstance(self.tcp, Direct):
                self.tcp.listen(self, self._limits.message_bytes)
                self.inbox.has_room = self.tcp.go_on
            else:
                self.tcp.spread_pings()
            if self._goodbye is not None and self._closer is None:  # it was closed while its handshake was answered
                self.outgoing.flush()
                self._closer = asyncio.create_task(self._send_close(self._goodbye))
            if isinstance(self.tcp, Direct):
                await self.tcp.lost
            else:
                await self._read()
        except OSError:
            pass  # the client went away during the handshake
        except asyncio.CancelledError:
            if not self._aborted:  # else it was cut off where only its handler can be
                self.abort()
                raise
        except BaseException:
            self.abort()
            raise
        finally:
            self.outgoing.shut()
            await self.tcp.lost
            self.outgoing.end()

    async def finish(self) -> None:
        """Carry out what a client has sent before it left, within a second. To be called once `run` has returned."""
        try:
            await self.inbox.done(_FINISH_S)
        finally:  # also where the server has cancelled us: nobody waits for the answers
            self.inbox.give_up()
        if self._meter is not None and self._limits.meters is not None and self._spender is not None:
            self._limits.meters.keep(self._meter)

    async def _read(self) -> None:
        while (event := await self._receive())["type"] != "websocket.disconnect":
            if event["type"] != "websocket.receive":
                continue
            text = event.get("text")
            if text is None:
                self.close(CloseCode.UNSUPPORTED_DATA)
            elif (size := len(text.encode())) > self._limits.message_bytes:
                limit = self._limits.message_bytes
                self.close(CloseCode.MESSAGE_TOO_BIG, f"message of {size} bytes, limit {limit}")
            elif self._goodbye is None:
                await self.inbox.take(text)

    def take(self, message: str | bytes) -> bool:
        """Take a message from a connection of our own, and say whether there is room for another one."""
        if isinstance(message, bytes):
            self.close(CloseCode.UNSUPPORTED_DATA)
        elif self._goodbye is None:
            return self.inbox.put(message)
        return True

    def _answer(self, text: str) -> Awaitable[None] | None:
        """Have one message carried out, unless its sender is too fast; who goes on regardless is closed."""
        meter = self._meter or self._begin_to_measure()
        size = len(text) if text.isascii() else len(text.encode())
        if (limited := meter.take(size, self._clock())) is None:
            return self._handler.on_message(text)
        self.count_limited(limited.reason, limited.detail)
        self.offer(self._handler.on_limited(text, limited))
        if limited.regardless and self.open:
            self.count_limited(LimitReason.CLOSED, limited.detail)
            self.inbox.drop()
            self.close(CloseCode.POLICY_VIOLATION, f"rate_limited: {limited.detail}")
        return None

    def _begin_to_measure(self) -> Meter:
        assert self._limits.meters is not None
        self._meter = self._limits.meters.of(self._spender)
        return self._meter

    @property
    def _spender(self) -> str | None:
        """Who has one meter, over however many connections: a person, or else a name. None: this connection."""
        return self.identity.speaker or (self.name if self.named else None)

    def closing(self) -> None:
        """Write what was offered so far: the connection is about to write a close frame."""
        self.outgoing.flush()
        self.outgoing.shut()

    def _fail(self) -> None:
        logger.exception("%s: answering a message failed, closing with 1011", self.name)
        self.close(CloseCode.INTERNAL_ERROR)

    # ---- What others do with it ----

    def complaint_about(self, what: str, name: str) -> str | None:
        """Say what is wrong with a name that its client has said, or None; it is counted."""
        complaint = complaint_about(what, name, self._limits.name_bytes)
        if complaint is not None:
            self.count_limited(LimitReason.NAMES, complaint)
        return complaint

    def count_limited(self, reason: str, detail: str) -> None:
        """Count that its client went beyond a limit."""
        self._limits.tally.add(reason, self.name, detail)

    def offer(self, frame: Frame) -> None:
        """Send one frame, after all that was offered before it, and never wait. Nothing is sent after a close."""
        self.outgoing.offer(frame)

    def tell(self, notice: Draining) -> None:
        """Send the notice of a drain."""
        self.offer(notice.frame())

    def warn_of_expiry(self, in_s: float) -> None:
        """Say that its token expires."""
        self.offer(Expiring(expires_in_s=round(in_s, 3)).frame())

    def expire(self) -> None:
        """Close it, for its token has expired."""
        self.close(CloseCode.UNAUTHORIZED)

    def give_up(self) -> None:
        """Drop the messages that are not answered yet."""
        self.inbox.give_up()

    async def flushed(self) -> None:
        """Write what was offered so far, and return when the client has read most of it."""
        self.outgoing.flush()
        await self.outgoing.flushed()

    def close(self, code: CloseCode, reason: str | None = None) -> None:
        """Close after what was offered so far; it is cut off if it has not read all that within the close timeout."""
        self._begin_close(code, reason, self._in_close_timeout())

    async def say_goodbye(self, until: float) -> None:
        """Answer everything that has arrived, flush, then close with 1012: all by `until`, in the loop's time.

        The close frame leaves in the turn in which the last frame may be offered, or a broadcast would come in between.
        """
        try:
            async with asyncio.timeout_at(until):
                await self._settle()
        except TimeoutError:
            pass  # a client that does not read: the close frame waits behind its backlog until it is cut off
        if self._goodbye is None:
            goodbye = self._end_offers(CloseCode.SERVICE_RESTART, None, until)
            if self.outgoing.output is not None:
                await self._send_close(goodbye)

    @property
    def quiet(self) -> bool:
        """Whether every message is answered, and a close frame would leave at once."""
        return self.inbox.idle and self.outgoing.ready

    async def close_now(self, until: float) -> None:
        """Close a quiet connection with 1012: the same as `say_goodbye`, without a task and without a wait."""
        if self.open and self.outgoing.output is not None:
            await self._send_close(self._end_offers(CloseCode.SERVICE_RESTART, None, until))

    def abort(self) -> None:
        """Cut the connection off."""
        self._aborted = True
        self.tcp.abort()

    @property
    def departure(self) -> Departure:
        """How the connection ended, once its TCP connection has."""
        goodbye = self._goodbye
        at_fault = goodbye is not None and goodbye.code is not CloseCode.SERVICE_RESTART
        said = goodbye is not None and goodbye.said
        if at_fault or not (said or self._aborted):
            return Departure.LEFT
        complete = not self._aborted if self.tcp.peer_closed is None else self.tcp.peer_closed
        return Departure.CLOSED if said and complete else Departure.ABORTED

    # ---- Steps of closing ----

    async def _settle(self) -> None:
        """Return when every message is answered, a few turns have brought no new one, and all is flushed."""
        seen = -1
        while seen != self.inbox.received:
            seen = self.inbox.received
            await self.inbox.done()
            await self.outgoing.flushed()
            for _ in range(TURNS):
                await asyncio.sleep(0)
            await self.outgoing.flushed()

    def _begin_close(self, code: CloseCode, reason: str | None, until: float) -> None:
        self.outgoing.flush()
        if self._goodbye is not None:
            return
        goodbye = self._end_offers(code, reason, until)
        asyncio.get_running_loop().call_at(until, self.tcp.abort)
        if self.outgoing.output is not None:
            self._closer = asyncio.create_task(self._send_close(goodbye))

    def _end_offers(self, code: CloseCode, reason: str | None, until: float) -> Goodbye:
        self.outgoing.flush()
        self.outgoing.shut()
        self._goodbye = Goodbye.with_code(code, reason, until)
        return self._goodbye

    def _overflow(self, full: str) -> None:
        """Close a client that read too slowly (1008): it has missed a frame. `full` says how much waited for it."""
        self._begin_close(CloseCode.POLICY_VIOLATION, f"slow consumer: {full}", self._in_close_timeout())

    async def _send_close(self, goodbye: Goodbye) -> None:
        """Send the close frame once there is room for it, unless the peer has closed by then."""
        if not self.outgoing.ready:
            await self.outgoing.flushed()
        if not self.tcp.peer_closed:
            self.tcp.set_close_timeout(goodbye.until - self._clock())
            goodbye.said = True
            try:  # noqa: SIM105  # a context manager for each of ten thousand would be felt
                await self._send(goodbye.message)
            except (OSError, RuntimeError):  # the client is gone; `_read` will notice
                pass

    def _in_close_timeout(self) -> float:
        return self._clock() + self._limits.close_timeout_s
