"""One WebSocket of an application that knows nothing of draining.

Owns what stands between the application and the server on one connection: what it sends is dropped or refused once
the client is gone, and its client is closed as it should be, whatever the handler does. Refuses to know what the
application says, how it is read ahead (`reading`), which other connections there are, and why this one is closed.

Rules. Its own handler waits for a client that reads slowly, but not before as much waits as may: a client that stands
still would hold every lock that its handler has. It gets an OSError for one that is gone, as ASGI 2.4 has it. Whoever
else sends to this client never waits and never fails: what there is no room for closes the client with 1008. Our close
frame is the last thing that is sent. The application is handed `websocket.disconnect` by its server.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ..connections.asgi import Message, Receive, Scope, Send
from ..connections.backlog import Backlog
from ..connections.goodbye import Goodbye
from ..connections.refusal import answer, shutting_down
from ..connections.transport import TcpConnection
from ..drain.events import TURNS, Departure
from ..messages.close_codes import CloseCode
from ..messages.wire import Draining
from .client_gone import ClientGone, came_of_leaving
from .reading import Reading

Word = Callable[[Draining, str | None], str | bytes | None]

# What is sent to one client that is gone in one turn of the event loop, before its sender has to give way.
DROPS_IN_A_TURN = 1000
# Seconds in which a handler that its server cancels still says goodbye.
HASTE_S = 0.2
# Seconds that an application has for its greeting. A notice comes after it: Socket.IO's client loses what comes before.
GREETS_WITHIN_S = 0.1

_serving: ContextVar[WebSocketClient | None] = ContextVar("_serving", default=None)


class WebSocketClient:
    """The client of one handler. `word(notice, subprotocol)` is what it is told of a drain; None: nothing."""

    def __init__(
        self,
        number: int,
        scope: Scope,
        receive: Receive,
        send: Send,
        tcp: TcpConnection,
        word: Word,
        bounds: tuple[int, int, float],
    ) -> None:
        inbox_messages, outbox_bytes, self._close_timeout_s = bounds
        self.number = number
        self.tcp = tcp
        self.subprotocol: str | None = None
        self._scope = scope
        self._send = send
        self._word = word
        self._reading = Reading(receive, inbox_messages, self._code)
        self._backlog = Backlog(send, outbox_bytes)
        self._loop = asyncio.get_running_loop()
        self._handler = asyncio.current_task()
        self._accepted = self._greeted = self._refused = self._aborted = self._cancelled = False
        self._goodbye: Goodbye | None = None
        self._notice: Draining | None = None
        self._greets_until = math.inf  # until it is accepted
        self._closer: asyncio.Task[None] | None = None
        self._dropped = 0

    # ---- The application's side ----

    async def serve(self, handle: Callable[[Receive, Send], Any]) -> None:
        """Run the handler, and see that its client is closed where it ends without having done that."""
        _serving.set(self)
        try:
            await handle(self._reading.next, self.send)
            await self._close_after(CloseCode.NORMAL_CLOSURE, "")
        except asyncio.CancelledError:
            if not (self._cancelled or self._aborted) or self._handler is None:
                await self._close_in_haste()
                raise
            self._handler.uncancel()
        except Exception as error:
            if not came_of_leaving(error):
                await self._close_after(CloseCode.INTERNAL_ERROR, None)
                raise
            if self._refused:
                await self.tcp.lost  # or uvicorn logs an ERROR for it
        finally:
            self._reading.ended = True
            self._reading.moved.set()
            if self._reading.gone:
                self._backlog.end()
                self._reading.stop()

    async def send(self, message: Message) -> None:
        """Send what the application sends, unless the client is gone or was closed."""
        mine = _serving.get() is self
        if self._is_over:
            await self._drop()
            if mine and asyncio.current_task() is self._handler:
                raise ClientGone("the client is gone")
        elif message["type"] != "websocket.send":
            await self._send_other(message)
        else:
            await self._send_text(message, mine)
            if mine and not self._greeted:
                self._tell_greeted()

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

    @property
    def _is_over(self) -> bool:
        return self._goodbye is not None or self._reading.gone

    async def _send_other(self, message: Message) -> None:
        """Send an answer to the handshake, or the application's own close."""
        self._tell_greeted()
        await self._backlog.flushed()
        if message["type"] == "websocket.close":
            self._reading.ended = True
        await self._send(message)
        if message["type"] == "websocket.accept":
            self._accepted = True
            self.subprotocol = message.get("subprotocol")
            self._greets_until = self._loop.time() + GREETS_WITHIN_S
            if self._notice is not None:
                self._loop.call_at(self._greets_until, self._tell_greeted)
        self._reading.moved.set()

    async def _send_text(self, message: Message, mine: bool) -> None:
        """Send a message now, or queue it; its own handler waits where there is no room, or nobody knows whether."""
        if not (self._backlog.idle and self.tcp.would_send):
            if not mine or (self.tcp.writes_directly and self._backlog.has_room(size_of(message))):
                self._queue(message)
                return
            await self._backlog.flushed()
        try:
            await self._send(message)
        except Exception as error:
            is_the_handlers = mine and asyncio.current_task() is self._handler
            if is_the_handlers or not (isinstance(error, OSError) or self._reading.gone or self._reading.ended):
                raise

    def _queue(self, message: Message) -> None:
        """Send a message without waiting; a client that reads too slowly for that is closed with 1008."""
        if (full := self._backlog.put(message, size_of(message))) is not None:
            until = self._in_close_timeout()
            self._loop.call_at(until, self.tcp.abort)
            self._goodbye = Goodbye.with_code(CloseCode.POLICY_VIOLATION, f"slow consumer: {full}", until)
            self._closer = self._loop.create_task(self._close(self._goodbye))

    # ---- What the drain does with it ----

    def tell(self, notice: Draining) -> None:
        """Send the notice, as the application words it; where the client has only just come, after the greeting."""
        if not self._greeted and self._loop.time() < self._greets_until:
            self._notice = notice
            if self._accepted:
                self._loop.call_at(self._greets_until, self._tell_greeted)
        elif not (self._is_over or self._reading.ended):
            word = self._word(notice, self.subprotocol)
            if word is not None:
                self._queue({"type": "websocket.send", "text" if isinstance(word, str) else "bytes": word})

    def _tell_greeted(self) -> None:
        """The application has greeted its client, or does not: a notice that has waited for that goes out."""
        self._greeted = self._accepted
        if self._greeted and (notice := self._notice) is not None:
            self._notice = None
            self.tell(notice)

    @property
    def quiet(self) -> bool:
        """Whether every message is answered, and a close frame would leave at once."""
        return self._accepted and self._reading.idle and self._backlog.idle and self.tcp.would_send

    async def close_now(self, until: float) -> None:
        """Close a quiet connection with 1012."""
        await self._begin_close(CloseCode.SERVICE_RESTART, None, until)

    async def say_goodbye(self, until: float) -> None:
        """Have everything answered that has arrived, then close with 1012: half of the time is for each."""
        self._reading.begin()
        now = self._loop.time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(now + (until - now) / 2):
                await self._settle()
        await self._begin_close(CloseCode.SERVICE_RESTART, None, until)

    async def _settle(self) -> None:
        reading, seen = self._reading, -1
        while seen != reading.received and not (reading.ended or reading.gone):
            seen = reading.received
            while not (self._accepted and reading.idle) and not (reading.ended or reading.gone):
                await reading.wait()
            await self._backlog.flushed()
            for _ in range(TURNS):
                await asyncio.sleep(0)

    async def _close_after(self, code: CloseCode, reason: str | None) -> None:
        """Close where the handler has ended and has not; a handshake that it left open is the server's to answer."""
        if self._accepted:
            await self._begin_close(code, reason, self._in_close_timeout())

    async def _close_in_haste(self) -> None:
        """Say goodbye where the server cancels the handler, before the connection ends under it."""
        if self._accepted:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HASTE_S):
                    await self._begin_close(CloseCode.SERVICE_RESTART, None, self._in_close_timeout())

    async def _begin_close(self, code: CloseCode, reason: str | None, until: float) -> None:
        if self._goodbye is None:
            if self._reading.gone or self._reading.ended:
                return
            self._tell_greeted()
            self._goodbye = Goodbye.with_code(code, reason, until)
        await self._close(self._goodbye)

    async def _close(self, goodbye: Goodbye) -> None:
        await self._backlog.flushed()
        if not (self.tcp.peer_closed or self._reading.gone):
            self.tcp.set_close_timeout(goodbye.until - self._loop.time())
            with contextlib.suppress(OSError, RuntimeError):  # the client is gone
                await self._send_close(goodbye)
        self._reading.begin()

    async def _send_close(self, goodbye: Goodbye) -> None:
        if not self._accepted:
            self._refused = True
            await answer(self._scope, self._send, shutting_down())
            return
        goodbye.said = True
        try:
            await self._send(goodbye.message)
        except (OSError, RuntimeError):
            raise
        except Exception:  # daphne knows no code below 3000 but 1000
            await self._send({"type": "websocket.close", "code": int(CloseCode.NORMAL_CLOSURE)})

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
        said = goodbye is not None and goodbye.said and goodbye.code is CloseCode.SERVICE_RESTART
        if not (said or self._aborted):
            return Departure.LEFT
        complete = not self._aborted if self.tcp.peer_closed is None else self.tcp.peer_closed
        return Departure.CLOSED if said and complete else Departure.ABORTED

    def _code(self, theirs: int) -> int:
        """The close code that the application is told: ours, where we have closed."""
        return theirs if self._goodbye is None else int(self._goodbye.code)

    def _in_close_timeout(self) -> float:
        return self._loop.time() + self._close_timeout_s


def size_of(message: Message) -> int:
    """How much a message counts in a backlog: bytes, or characters."""
    return len(message.get("text") or message.get("bytes") or "")
