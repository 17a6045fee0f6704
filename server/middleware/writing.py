"""What is said to the client of one handler.

Owns who waits for a client that reads slowly, what becomes of what is sent to one that is gone, and the place of the
notice among the application's own texts. Refuses to know when a client is told, and how it is closed.

Rules. Its own handler waits for a client that reads slowly, but not before as much waits as may: a client that stands
still would hold every lock that its handler has. It gets an OSError for one that is gone, as ASGI 2.4 has it. Whoever
else sends to this client never waits and never fails: what there is no room for overflows. Once it is shut nothing of
the application's is sent any more.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextvars import ContextVar

from ..connections.asgi import Message, Send
from ..connections.backlog import Backlog
from ..connections.transport import Tcp
from .client_gone import ClientGone
from .reading import Reading

# What one task sends to one client that is gone in one turn of the event loop, before it has to give way.
DROPS_IN_A_TURN = 1000
# Seconds that an application has for its greeting. A notice comes after it: Socket.IO's client loses what comes before.
GREETS_WITHIN_S = 0.1

_serving: ContextVar[Written | None] = ContextVar("_serving", default=None)


class Written:
    """One that takes what the application sends, in whose handler it is made.

    Nearly every message goes the short way: while the client reads, it is sent with nothing else to be thought of.
    """

    __slots__ = (
        "_backlog",
        "_dropped",
        "_dropper",
        "_greeted",
        "_greets_until",
        "_is_plain",
        "_limit_bytes",
        "_notice",
        "_send",
        "_shut",
        "accepted",
        "handler",
        "reading",
        "subprotocol",
        "tcp",
    )

    def __init__(self, send: Send, tcp: Tcp, reading: Reading, limit_bytes: int) -> None:
        handler = asyncio.current_task()
        assert handler is not None
        self.handler = handler
        self.tcp = tcp
        self.reading = reading
        self.accepted = False
        self.subprotocol: str | None = None
        self._send = send
        self._limit_bytes = limit_bytes
        self._greeted = self._shut = False
        self._is_plain = False  # nothing waits, and nothing has to come first
        self._greets_until = math.inf  # until it is accepted
        self._notice: Callable[[], str | bytes | None] | None = None
        self._backlog: Backlog | None = None  # seldom needed
        self._dropped = 0
        self._dropper: asyncio.Task[None] | None = None
        _serving.set(self)

    async def send(self, message: Message) -> None:
        """Send what the application sends."""
        if self._is_plain and self.tcp.would_send and message["type"] == "websocket.send" and not self.reading.gone:
            try:
                await self._send(message)
            except Exception as error:
                self._take(error)
        elif message["type"] == "websocket.send":
            await self._send_with_care(message)
        elif self._is_over:
            await self._drop()
        else:
            await self._send_answer(message)

    @property
    def _is_over(self) -> bool:
        return self._shut or self.reading.gone

    @property
    def _is_mine(self) -> bool:
        """Whether it is the handler of this client that sends, or a task that it began."""
        return _serving.get() is self

    def _take(self, error: Exception) -> None:
        """Raise an error of the server's, but not for who only happened to send to a client that is gone.

        uvicorn has an OSError of its own for that (`ClientDisconnected`), and a RuntimeError for one that it has closed
        by itself, for a missing pong.
        """
        is_the_handlers = asyncio.current_task() is self.handler
        if isinstance(error, OSError) or (self.tcp.server_closed and not self.reading.ended):
            if is_the_handlers:
                raise ClientGone("the client is gone") from error
        elif is_the_handlers or not (self.reading.gone or self.reading.ended):
            raise error

    async def _send_with_care(self, message: Message) -> None:
        """Send a message now, queue it, wait for room, or drop it."""
        if self._is_over:
            await self._drop()
            return
        if self.is_flushed and self.tcp.would_send:
            self._find_room()
        else:
            if not self._is_mine or (self.tcp.writes_directly and self._has_room(message)):
                self._queue(message)
                return
            await self.flushed()
        try:
            await self._send(message)
        except Exception as error:
            self._take(error)
        if not self._greeted and (self._is_mine or asyncio.get_running_loop().time() >= self._greets_until):
            self.greet()

    async def _send_answer(self, message: Message) -> None:
        """Send an answer to the handshake, or the application's own close."""
        self.greet()
        await self.flushed()
        if message["type"] == "websocket.close":
            self.reading.ended = True
        await self._send(message)
        if message["type"] == "websocket.accept":
            self.accepted = True
            self.subprotocol = message.get("subprotocol")
            loop = asyncio.get_running_loop()
            self._greets_until = loop.time() + GREETS_WITHIN_S
            if self._notice is not None:
                loop.call_at(self._greets_until, self.greet)
        self.reading.stir()

    async def _drop(self) -> None:
        """Drop a message without a pause, in which others could leave: a loop over a list would pass over somebody.

        Only a task that does nothing but send here gives way. Raises ClientGone in the handler itself.
        """
        task = asyncio.current_task()
        if task is not self._dropper:
            self._dropper, self._dropped = task, 0
            asyncio.get_running_loop().call_soon(self._forget_dropper)
        self._dropped += 1
        if self._dropped == DROPS_IN_A_TURN:
            await asyncio.sleep(0)
        if task is self.handler:
            raise ClientGone("the client is gone")

    def _forget_dropper(self) -> None:
        self._dropper = None

    # ---- What waits ----

    def _find_room(self) -> None:
        """Take the short way from now on, where nothing waits and nothing has to come first."""
        if self._greeted and self.is_flushed and not self._shut:
            self._backlog, self._is_plain = None, self.tcp.writes_directly

    @property
    def is_flushed(self) -> bool:
        """Whether nothing waits."""
        return self._backlog is None or self._backlog.idle

    async def flushed(self) -> None:
        """Wait until everything that waits was sent."""
        if self._backlog is not None:
            await self._backlog.flushed()

    def shut(self) -> None:
        """Send nothing of the application's any more, but what waits already."""
        self._shut, self._is_plain = True, False

    def drop(self) -> None:
        """Drop what waits."""
        if self._backlog is not None:
            self._backlog.end()

    def _has_room(self, message: Message) -> bool:
        return self._backlog is None or self._backlog.has_room(size_of(message))

    def _queue(self, message: Message) -> None:
        if self._backlog is None:
            self._backlog, self._is_plain = Backlog(self._send, self._limit_bytes), False
        if (full := self._backlog.put(message, size_of(message))) is not None:
            self.overflow(full)

    def overflow(self, full: str) -> None:
        """Do something about a client that reads too slowly: it has missed a message. `full`: how much waits for it."""
        raise NotImplementedError

    # ---- The notice ----

    def tell_in_time(self, word: Callable[[], str | bytes | None]) -> None:
        """Send what `word` says; where the client has only just come, after the application has greeted it."""
        loop = asyncio.get_running_loop()
        if not self._greeted and loop.time() < self._greets_until:
            self._notice = word
            if self.accepted:
                loop.call_at(self._greets_until, self.greet)
        elif not (self._is_over or self.reading.ended) and (said := word()) is not None:
            self._queue({"type": "websocket.send", "text" if isinstance(said, str) else "bytes": said})

    def greet(self) -> None:
        """The application has greeted its client, or does not: a notice that has waited for that goes out."""
        self._greeted = self.accepted
        self._find_room()
        if self._greeted and (word := self._notice) is not None:
            self._notice = None
            self.tell_in_time(word)


def size_of(message: Message) -> int:
    """How much a message counts in a backlog: bytes, or characters."""
    return len(message.get("text") or message.get("bytes") or "")
