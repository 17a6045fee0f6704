"""One WebSocket of an application that knows nothing of draining.

Owns the life of one connection: it is counted in the turn in which it is admitted, its handler runs, and its client is
closed as it should be, whatever the handler does. Our close frame is the last thing that is sent; the application is
handed `websocket.disconnect` by its server. Refuses to know what is said (`reading`, `writing`), which other
connections there are, and why this one is closed.
"""

from __future__ import annotations

import asyncio
import contextlib

from ..connections.asgi import ASGIApp, Receive, Scope, Send
from ..connections.goodbye import Goodbye
from ..connections.refusal import answer, refuse, shutting_down
from ..connections.transport import Tcp, tcp_of
from ..drain.events import TURNS, Departure
from ..messages.close_codes import CloseCode
from ..messages.wire import Draining
from .client_gone import came_of_leaving
from .crowd import Crowd
from .reading import Reading
from .writing import Written

# Seconds in which a handler that its server cancels still says goodbye.
HASTE_S = 0.2


async def serve(app: ASGIApp, crowd: Crowd, scope: Scope, receive: Receive, send: Send, raw: Send) -> None:
    """Serve one WebSocket of `app`, or refuse it. `raw` is the server's own `send`, to which `send` leads."""
    tcp = tcp_of(raw, hushed=False)
    if not crowd.serving:
        crowd.refused += 1
        await refuse(scope, tcp, receive, send, shutting_down())
        return
    client = WebSocketClient(crowd, scope, receive, send, tcp)
    crowd.join(client)
    tcp.on_lost = client.was_lost
    try:
        await app(scope, client.reading.next, client.send)
        await client.close_after(CloseCode.NORMAL_CLOSURE, "")
    except asyncio.CancelledError:
        if not client.was_cancelled:
            await client.close_in_haste()
            raise
        client.handler.uncancel()
    except Exception as error:
        if not came_of_leaving(error):
            await client.close_after(CloseCode.INTERNAL_ERROR, None)
            raise
        if client.refused:
            await tcp.lost  # or uvicorn logs an ERROR for it
    finally:
        client.handler_ended()


class WebSocketClient(Written):
    """The client of one handler, in whose task it is made."""

    __slots__ = (
        "_aborted",
        "_cancelled",
        "_closer",
        "_crowd",
        "_goodbye",
        "_handler_ended",
        "_scope",
        "number",
        "refused",
    )

    def __init__(self, crowd: Crowd, scope: Scope, receive: Receive, send: Send, tcp: Tcp) -> None:
        reading = Reading(receive, crowd.options.inbox_messages, crowd.busy)
        super().__init__(send, tcp, reading, crowd.options.outbox_bytes)
        self.number = crowd.number()
        self.refused = False
        self._crowd = crowd
        self._scope = scope
        self._aborted = self._cancelled = self._handler_ended = False
        self._goodbye: Goodbye | None = None
        self._closer: asyncio.Task[None] | None = None

    # ---- Its handler ----

    @property
    def was_cancelled(self) -> bool:
        """Whether it was us who cancelled its handler."""
        return self._cancelled or self._aborted

    def handler_ended(self) -> None:
        """Drop what nobody will answer, and where the client is gone, what it will not read."""
        self._handler_ended = True
        self.reading.end()
        if self.reading.gone:
            self.drop()
            self.reading.stop()
        if self.tcp.is_lost:
            self._crowd.forget(self)

    def was_lost(self) -> None:
        """Its connection has ended, though its handler may go on."""
        if self._handler_ended:
            self._crowd.forget(self)
        else:
            self._crowd.gone(self)

    async def close_after(self, code: CloseCode, reason: str | None) -> None:
        """Close where the handler has ended and has not; a handshake that it left open is the server's to answer."""
        if self.accepted:
            await self._begin_close(code, reason, self._in_close_timeout())

    async def close_in_haste(self) -> None:
        """Say goodbye where the server cancels the handler, before the connection ends under it."""
        if self.accepted:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HASTE_S):
                    await self._begin_close(CloseCode.SERVICE_RESTART, None, self._in_close_timeout())

    # ---- What the drain does with it ----

    def tell(self, notice: Draining) -> None:
        """Send the notice, as the application words it."""
        self.tell_in_time(lambda: self._crowd.word(self._scope, notice, self.subprotocol))

    @property
    def quiet(self) -> bool:
        """Whether every message is answered, and a close frame would leave at once."""
        return self.accepted and self.reading.idle and self.is_flushed and self.tcp.would_send

    async def close_now(self, until: float) -> None:
        """Close a quiet connection with 1012."""
        await self._begin_close(CloseCode.SERVICE_RESTART, None, until)

    async def say_goodbye(self, until: float) -> None:
        """Have everything answered that has arrived, then close with 1012: half of the time is for each."""
        self.reading.begin()
        now = asyncio.get_running_loop().time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(now + (until - now) / 2):
                await self._settle()
        await self._begin_close(CloseCode.SERVICE_RESTART, None, until)

    async def _settle(self) -> None:
        reading, seen = self.reading, -1
        while seen != reading.received and not (reading.ended or reading.gone):
            seen = reading.received
            while not (self.accepted and reading.idle) and not (reading.ended or reading.gone):
                await reading.wait()
            await self.flushed()
            for _ in range(TURNS):
                await asyncio.sleep(0)

    def abort(self) -> None:
        """Cut the connection off."""
        self._aborted = True
        self.tcp.abort()

    def give_up(self) -> None:
        """End a handler that goes on without its client."""
        if not self.handler.done() and not self._cancelled:
            self._cancelled = True
            self.handler.cancel()

    @property
    def departure(self) -> Departure:
        """How the connection ended, once its TCP connection has."""
        goodbye = self._goodbye
        said = goodbye is not None and goodbye.said and goodbye.code is CloseCode.SERVICE_RESTART
        if not (said or self._aborted):
            return Departure.LEFT
        complete = not self._aborted if self.tcp.peer_closed is None else self.tcp.peer_closed
        return Departure.CLOSED if said and complete else Departure.ABORTED

    # ---- The close ----

    async def _begin_close(self, code: CloseCode, reason: str | None, until: float) -> None:
        if self._goodbye is None:
            if self.reading.gone or self.reading.ended:
                return
            self.greet()
            self._close_with(Goodbye.with_code(code, reason, until))
        assert self._goodbye is not None
        await self._close(self._goodbye)

    def _close_with(self, goodbye: Goodbye) -> None:
        self._goodbye = goodbye
        self.reading.close_code = int(goodbye.code)
        self.shut()

    async def _close(self, goodbye: Goodbye) -> None:
        await self.flushed()
        if not (self.tcp.peer_closed or self.reading.gone):
            self.tcp.set_close_timeout(goodbye.until - asyncio.get_running_loop().time())
            with contextlib.suppress(OSError, RuntimeError):  # the client is gone
                await self._send_close(goodbye)
        self.reading.begin()

    async def _send_close(self, goodbye: Goodbye) -> None:
        if not self.accepted:
            self.refused = True
            await answer(self._scope, self._send, shutting_down())
            return
        goodbye.said = True
        try:
            await self._send(goodbye.message)
        except (OSError, RuntimeError):
            raise
        except Exception:  # daphne knows no code below 3000 but 1000
            await self._send({"type": "websocket.close", "code": int(CloseCode.NORMAL_CLOSURE)})

    def overflow(self, full: str) -> None:
        """Close a client that reads too slowly for those who send to it: it has missed a message."""
        self._crowd.slow_consumers += 1
        until = self._in_close_timeout()
        asyncio.get_running_loop().call_at(until, self.tcp.abort)
        goodbye = Goodbye.with_code(CloseCode.POLICY_VIOLATION, f"slow consumer: {full}", until)
        self._close_with(goodbye)
        self._closer = asyncio.create_task(self._close(goodbye))

    def _in_close_timeout(self) -> float:
        return asyncio.get_running_loop().time() + self._crowd.options.close_timeout_s
