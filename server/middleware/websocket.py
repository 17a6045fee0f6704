"""One WebSocket of an application that knows nothing of draining.

Owns what stands between the application and the server on one connection: what it reads is read ahead into a bounded
inbox while it is busy, and what it sends is dropped or refused once the client is gone. Refuses to know what the
application says, which other connections there are, and why this one is closed.

Rules. Its own handler waits for a client that reads slowly, and gets an OSError for one that is gone, as ASGI 2.4
has it. Whoever else sends to this client never waits and never fails: what there is no room for closes the client with
1008. Our close frame is the last thing that is sent. The application is handed `websocket.disconnect` by its server.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from typing import Any

from ..connections.backlog import Backlog
from ..connections.connection import Goodbye, Receive
from ..connections.transport import Send, TcpConnection
from ..drain.events import TURNS, Departure
from ..messages.close_codes import MEANINGS, CloseCode
from ..messages.wire import Draining

Message = MutableMapping[str, Any]
Word = Callable[[Draining, str | None], str | bytes | None]

# What is sent to one client that is gone in one turn of the event loop, before its sender has to give way.
DROPS_IN_A_TURN = 1000

_serving: ContextVar[WebSocketClient | None] = ContextVar("_serving", default=None)


class ClientGone(OSError):
    """The client of this handler is gone, or has been closed."""


class WebSocketClient:
    """The client of one handler. `word(notice, subprotocol)` is what it is told of a drain; None: nothing."""

    def __init__(
        self,
        number: int,
        receive: Receive,
        send: Send,
        tcp: TcpConnection,
        word: Word,
        bounds: tuple[int, int, float],
    ) -> None:
        self.number = number
        self.tcp = tcp
        self.subprotocol: str | None = None
        self._receive = receive
        self._send = send
        self._word = word
        self._inbox_messages, outbox_bytes, self._close_timeout_s = bounds
        self._backlog = Backlog(send, outbox_bytes)
        self._loop = asyncio.get_running_loop()
        self._handler = asyncio.current_task()
        self._accepted = self._ended = self._gone = self._aborted = self._cancelled = False
        self._goodbye: Goodbye | None = None
        self._notice: Draining | None = None
        self._inbox: deque[Message] = deque()
        self._reader: asyncio.Task[None] | None = None
        self._received = self._dropped = 0
        self._waiting = self._in_hand = False
        self._changed = asyncio.Event()
        self._closer: asyncio.Task[None] | None = None

    # ---- The application's side ----

    async def serve(self, handle: Callable[[Receive, Send], Any]) -> None:
        """Run the handler, and see that its client is closed where it ends without having done that."""
        _serving.set(self)
        try:
            await handle(self.receive, self.send)
            await self._close_after(CloseCode.NORMAL_CLOSURE, "")
        except asyncio.CancelledError:
            if not self._cancelled or self._handler is None:
                raise
            self._handler.uncancel()
        except Exception as error:
            if self._came_of_leaving(error):
                return
            await self._close_after(CloseCode.INTERNAL_ERROR, None)
            raise
        finally:
            self._ended = True
            self._changed.set()
            if self._gone:
                self._backlog.end()
                if self._reader is not None:
                    self._reader.cancel()

    async def receive(self) -> Message:
        """Hand over the next message: from the inbox, or, while nothing is read ahead, from the server."""
        self._in_hand = False
        self._changed.set()
        while self._reader is not None and not self._inbox:
            if self._reader.done():
                return {"type": "websocket.disconnect", "code": self._code(1006)}
            self._changed.clear()
            await self._changed.wait()
        if self._inbox:
            message = self._inbox.popleft()
            self._changed.set()
        else:
            self._waiting = True
            try:
                message = self._note(await self._receive())
            finally:
                self._waiting = False
            self._loop.call_soon(self._read_ahead)
        self._in_hand = message["type"] == "websocket.receive"
        return message

    async def send(self, message: Message) -> None:
        """Send what the application sends, unless the client is gone or was closed."""
        mine = _serving.get() is self
        if self._goodbye is not None or self._gone:
            if mine and asyncio.current_task() is self._handler:
                raise ClientGone("the client is gone")
            await self._drop()
            return
        if message["type"] != "websocket.send":
            await self._send_other(message)
        elif mine:
            await self._backlog.flushed()
            await self._send_now(message, is_own=asyncio.current_task() is self._handler)
        elif self._backlog.idle and self.tcp.would_send:
            await self._send_now(message, is_own=False)
        else:
            self._queue(message)

    async def _drop(self) -> None:
        """Drop a message without a pause, in which others could leave: a loop over a list would pass over somebody.

        Only a task that does nothing but send here gives way.
        """
        if self._dropped == 0:
            self._loop.call_soon(self._count_drops_again)
        self._dropped += 1
        if self._dropped == DROPS_IN_A_TURN:
            await asyncio.sleep(0)

    def _count_drops_again(self) -> None:
        self._dropped = 0

    async def _send_other(self, message: Message) -> None:
        """Send an answer to the handshake, or the application's own close."""
        await self._backlog.flushed()
        if message["type"] == "websocket.close":
            self._ended = True
        await self._send(message)
        if message["type"] == "websocket.accept":
            self._accepted = True
            self.subprotocol = message.get("subprotocol")
            if self._notice is not None:
                self.tell(self._notice)
        self._changed.set()

    async def _send_now(self, message: Message, is_own: bool) -> None:
        try:
            await self._send(message)
        except Exception as error:
            if is_own or not (isinstance(error, OSError) or self._gone or self._ended):
                raise

    # ---- Reading ahead ----

    def _read_ahead(self) -> None:
        """Begin to read ahead where the handler is busy, so that a client's close is seen meanwhile."""
        if not self._waiting and self._reader is None and not self._gone:
            self._reader = self._loop.create_task(self._read())

    async def _read(self) -> None:
        while not self._gone:
            while len(self._inbox) >= self._inbox_messages and not self._ended:
                self._changed.clear()
                await self._changed.wait()
            message = self._note(await self._receive())
            if not self._ended or message["type"] == "websocket.disconnect":
                self._inbox.append(message)
            self._changed.set()

    def _note(self, message: Message) -> Message:
        if message["type"] == "websocket.disconnect":
            self._gone = True
            message["code"] = self._code(message.get("code", 1005))
        elif message["type"] == "websocket.receive":
            self._received += 1
        return message

    def _code(self, code: int) -> int:
        return int(self._goodbye.code) if self._goodbye is not None else code

    def _queue(self, message: Message) -> None:
        """Send a message without waiting; a client that reads too slowly for that is closed with 1008."""
        size = len(message.get("text") or message.get("bytes") or "")
        if (full := self._backlog.put(message, size)) is not None:
            until = self._in_close_timeout()
            self._loop.call_at(until, self.tcp.abort)
            self._end_sends(CloseCode.POLICY_VIOLATION, f"slow consumer: {full}", until)
            self._closer = self._loop.create_task(self._close(CloseCode.POLICY_VIOLATION, None, until))

    # ---- What the drain does with it ----

    def tell(self, notice: Draining) -> None:
        """Send the notice, as the application words it; once it is accepted."""
        if not self._accepted:
            self._notice = notice
            return
        if self._goodbye is not None or self._gone or self._ended:
            return
        if (word := self._word(notice, self.subprotocol)) is not None:
            self._queue({"type": "websocket.send", "text" if isinstance(word, str) else "bytes": word})

    @property
    def _idle(self) -> bool:
        return not self._inbox and not self._in_hand

    @property
    def quiet(self) -> bool:
        """Whether every message is answered, and a close frame would leave at once."""
        return self._accepted and self._idle and self._backlog.idle and self.tcp.would_send

    async def close_now(self, until: float) -> None:
        """Close a quiet connection with 1012."""
        await self._close(CloseCode.SERVICE_RESTART, None, until)

    async def say_goodbye(self, until: float) -> None:
        """Have everything answered that has arrived, then close with 1012: half of the time is for each."""
        self._read_ahead()
        now = self._loop.time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(now + (until - now) / 2):
                await self._settle()
        await self._close(CloseCode.SERVICE_RESTART, None, until)

    async def _settle(self) -> None:
        seen = -1
        while seen != self._received and not (self._ended or self._gone):
            seen = self._received
            while not (self._accepted and self._idle) and not (self._ended or self._gone):
                self._changed.clear()
                await self._changed.wait()
            await self._backlog.flushed()
            for _ in range(TURNS):
                await asyncio.sleep(0)

    async def _close_after(self, code: CloseCode, reason: str | None) -> None:
        """Close where the handler has ended and has not; a handshake that it left open is the server's to answer."""
        if self._accepted:
            await self._close(code, reason, self._in_close_timeout())

    async def _close(self, code: CloseCode, reason: str | None, until: float) -> None:
        if self._goodbye is None:
            if self._gone or self._ended:
                return
            self._end_sends(code, reason, until)
        goodbye = self._goodbye
        assert goodbye is not None
        await self._backlog.flushed()
        if not (self.tcp.peer_closed or self._gone):
            self.tcp.set_close_timeout(until - self._loop.time())
            goodbye.said = True
            with contextlib.suppress(OSError, RuntimeError):
                await self._send(self._last_word(goodbye))
        self._read_ahead()

    def _last_word(self, goodbye: Goodbye) -> Message:
        return {"type": "websocket.close", "code": int(goodbye.code), "reason": goodbye.reason}

    def _end_sends(self, code: CloseCode, reason: str | None, until: float) -> None:
        self._goodbye = Goodbye(code, MEANINGS[code].reason if reason is None else reason, until)

    def abort(self) -> None:
        """Cut the connection off."""
        self._aborted = True
        self.tcp.abort()

    def give_up(self) -> None:
        """End a handler that goes on without its client."""
        if self._handler is not None and not self._handler.done() and not self._cancelled:
            self._cancelled = True
            self._handler.cancel()

    @property
    def departure(self) -> Departure:
        """How the connection ended, once its TCP connection has."""
        goodbye = self._goodbye
        of_the_drain = goodbye is not None and goodbye.code is CloseCode.SERVICE_RESTART
        said = of_the_drain and goodbye is not None and goodbye.said
        if not (said or self._aborted):
            return Departure.LEFT
        complete = not self._aborted if self.tcp.peer_closed is None else self.tcp.peer_closed
        return Departure.CLOSED if said and complete else Departure.ABORTED

    def _came_of_leaving(self, error: BaseException | None) -> bool:
        """Whether an error says only that the client is gone."""
        seen: set[int] = set()
        while error is not None and id(error) not in seen:
            if isinstance(error, ClientGone):
                return True
            seen.add(id(error))
            error = error.__cause__ or error.__context__
        return False

    def _in_close_timeout(self) -> float:
        return self._loop.time() + self._close_timeout_s
