"""One WebSocket connection: what comes in, what goes out, and how it ends.

Owns the three parts of a connection's life: the reader (this handler's own task) takes messages ahead into a bounded
inbox, so that a busy worker never hides a client's close; the worker answers them one by one; the writer is the only
one that sends, so frames keep their order and two tasks never send at once. Refuses to know what messages mean (see
`conversations`), who else is connected and why a connection is closed.

Rules: `offer` and `close` never wait; the close frame follows everything that was offered before it; nothing is
offered after it. A handler returns when the TCP connection has ended, not before: FIN must not overtake the
closing handshake. Measured on uvicorn 0.54: closing at once loses what waits in its queue (of 30 messages in one
segment 7 or 8 were answered), hence `say_goodbye`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from server.core.close_codes import MEANINGS, CloseCode
from server.core.drain_events import Departure
from server.core.outbox import Frame, Offer, Outbox
from server.core.wire import Form
from server.link import Link, Send

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

logger = logging.getLogger("ebb")

# Seconds in which messages of a client that has left are still carried out.
_FINISH_S = 1.0
# Turns of the event loop in which what the kernel holds reaches the inbox: poll and parse, wake the reader, take.
_TURNS = 3


class Conversation(Protocol):
    """What an endpoint makes of a client's messages."""

    async def said(self, text: str) -> None:
        """Carry out one message; the next one waits until this returns."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one connection, in bytes, messages and seconds."""

    outbox_bytes: int
    inbox_messages: int
    message_bytes: int
    close_timeout_s: float


class Who(NamedTuple):
    """How a connection is known: its key in this process, its public name, whether the client chose that, its form."""

    number: int
    name: str
    named: bool
    form: Form


class Connection:
    """A client's connection."""

    def __init__(self, who: Who, receive: Receive, send: Send, link: Link, limits: Limits) -> None:
        self.number, self.name, self.named, self.form = who
        self.link = link
        self._receive = receive
        self._send = send
        self._limits = limits
        self._clock = asyncio.get_running_loop().time
        self._inbox: asyncio.Queue[str] = asyncio.Queue(limits.inbox_messages)
        self._received = 0
        self._outbox = Outbox(limits.outbox_bytes)
        self._accepted = asyncio.Event()
        self._pending = asyncio.Event()
        self._flushed = asyncio.Event()
        self._flushed.set()
        self._goodbye: tuple[CloseCode, str] | None = None
        self._close_until = 0.0
        self._said_goodbye = False
        self._aborted = False
        self._open = True

    # ---- The life of a connection ----

    async def run(self, conversation: Conversation, subprotocol: str | None = None) -> None:
        """Accept, and serve until the TCP connection has ended."""
        self._worker = asyncio.create_task(self._work(conversation))
        self._writer = asyncio.create_task(self._write())
        try:
            await self._send({"type": "websocket.accept", "subprotocol": subprotocol})
            self._accepted.set()
            await self._read()
        except OSError:
            pass  # the client went away during the handshake
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._open = False
            await self.link.lost.wait()
            self._writer.cancel()

    async def finish(self) -> None:
        """Carry out what a client has sent before it left, within a second. To be called once `run` has returned."""
        all_done = asyncio.create_task(self._inbox.join())
        await asyncio.wait({all_done, self._worker}, timeout=_FINISH_S, return_when=asyncio.FIRST_COMPLETED)
        all_done.cancel()
        self.give_up()

    def give_up(self) -> None:
        """Leave undone what is still in hand: it is for nobody."""
        self._worker.cancel()

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
                self._received += 1
                await self._inbox.put(text)

    async def _work(self, conversation: Conversation) -> None:
        try:
            while True:
                await conversation.said(await self._inbox.get())
                self._inbox.task_done()
        except Exception:
            logger.exception("%s: answering a message failed, closing with 1011", self.name)
            self.close(CloseCode.INTERNAL_ERROR)

    async def _write(self) -> None:
        try:
            await self._accepted.wait()
            while not self._said_goodbye:
                await self._pending.wait()
                while self._outbox:
                    await self._send({"type": "websocket.send", "text": self._outbox.take().text})
                self._pending.clear()
                self._flushed.set()
                if self._goodbye is not None and not self.link.peer_closed:
                    await self._send_close(*self._goodbye)
        except (OSError, RuntimeError):  # the peer is gone, or was closed for a missing pong; the reader hears of it
            self._flushed.set()

    # ---- What others do with it ----

    def offer(self, frame: Frame) -> bool:
        """Queue one frame and never wait. False when the client read too slowly, and is closed for it (1008)."""
        if not self._open or self._goodbye is not None:
            return True
        if self._outbox.offer(frame, self._clock()) is Offer.OVERFLOW:
            self._drop_slow_consumer()
            return False
        self._flushed.clear()
        self._pending.set()
        return True

    def close(self, code: CloseCode, reason: str | None = None) -> None:
        """Close after what was offered so far; it is cut off if it has not read all that within the close timeout."""
        if self._goodbye is None:
            self._begin_close(code, reason, self._clock() + self._limits.close_timeout_s)

    async def say_goodbye(self, until: float) -> None:
        """Answer everything that has arrived, flush, then close with 1012: all by `until`, in the loop's time."""
        try:
            async with asyncio.timeout_at(until):
                await self._settle()
        except TimeoutError:
            pass  # a peer that does not read: the close frame waits behind its backlog until it is cut off
        if self._goodbye is None:
            self._begin_close(CloseCode.SERVICE_RESTART, None, until)

    def abort(self) -> None:
        """Cut the connection off."""
        self._aborted = True
        self.link.abort()

    @property
    def departure(self) -> Departure:
        """What became of it, once its link is lost."""
        at_fault = self._goodbye is not None and self._goodbye[0] is not CloseCode.SERVICE_RESTART
        if at_fault or not (self._said_goodbye or self._aborted):
            return Departure.LEFT
        completed = self._said_goodbye and self.link.peer_closed is not False
        return Departure.CLOSED if completed else Departure.ABORTED

    # ---- Steps of closing ----

    async def _settle(self) -> None:
        """Return when nothing is in hand: a few turns of the loop have brought nothing new."""
        seen = -1
        while seen != self._received:
            seen = self._received
            await self._inbox.join()
            await self._flushed.wait()
            for _ in range(_TURNS):
                await asyncio.sleep(0)

    def _begin_close(self, code: CloseCode, reason: str | None, until: float) -> None:
        self._goodbye = (code, MEANINGS[code].reason if reason is None else reason)
        self._close_until = until
        self._pending.set()
        if code is not CloseCode.SERVICE_RESTART:  # the drain aborts its own
            asyncio.get_running_loop().call_at(until, self.link.abort)

    async def _send_close(self, code: CloseCode, reason: str) -> None:
        self.link.set_close_timeout(self._close_until - self._clock())
        self._said_goodbye = True
        await self._send({"type": "websocket.close", "code": int(code), "reason": reason})

    def _drop_slow_consumer(self) -> None:
        reason = f"slow consumer: {self._outbox.describe(self._clock())}"
        self._outbox.clear()
        self.close(CloseCode.POLICY_VIOLATION, reason)
