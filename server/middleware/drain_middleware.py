"""`DrainMiddleware`: one line makes any ASGI application drain before it stops.

    app.add_middleware(DrainMiddleware)     # FastAPI, Starlette, NiceGUI
    app = DrainMiddleware(app)              # anything else that speaks ASGI, outermost

Owns what is done with each ASGI scope: a WebSocket is counted in the turn in which it is admitted, or refused with 503
once the server is told to stop; readiness and liveness are answered where the application has nothing there; a
request under way is waited for. What is done when is decided by the same drain as the reference server's
(`drain.shutdown`), and the server that runs the application is held in the same way (`drain.hold`). Refuses to know
what the application does.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..connections.admission import RETRY_AFTER_S, HandshakeRefused, refuse
from ..connections.transport import TcpConnection
from ..drain.events import Phase
from ..drain.hold import hold
from ..drain.shutdown import Shutdown
from ..logs import is_worth_a_line, write_lines
from ..messages.wire import Draining
from ..settings import explained
from .lifespan import fail, live
from .options import Options
from .websocket import WebSocketClient

logger = logging.getLogger("ebb")

OnDrain = Callable[[Scope, float, float], str | bytes | None]

# What the scope of an application that drains already carries.
DRAINS = "ebb.drains"
TWICE = "DrainMiddleware is added twice: once is enough, outermost"
# In the query of each connection of Socket.IO, NiceGUI's too: its client takes a text of ours for an error, and reconnects.
ENGINE_IO = b"EIO="
# Seconds that handlers whose clients are gone have to end by themselves, and once more after they were cancelled.
HANDLERS_END_S = 0.4


class DrainMiddleware:
    """Makes `app` drain. `settings` are those of `Options`; each is also an environment variable, `EBB_NAME`.

    `on_drain(scope, seconds_left, reconnect_after_s)` words what a client is told: text, bytes, or None for nothing.
    Without it each client that negotiated no subprotocol, and does not speak Engine.IO, is told the `draining` JSON
    text (`docs/wire.md`). A wrong setting, or a second DrainMiddleware, fails the startup with one line.
    """

    def __init__(self, app: ASGIApp, on_drain: OnDrain | None = None, **settings: Any) -> None:
        self.app = app
        self.connections: dict[int, WebSocketClient] = {}
        self.refused = 0
        self._on_drain = on_drain
        self._wrong: str | None = None
        try:
            self._options = Options(**settings)
        except ValidationError as error:
            self._wrong = "; ".join(explained(Options, error))
            self._options = Options.model_construct()
        self.shutdown = Shutdown(self, self._options.drain_terms)
        self._numbers = itertools.count(1)
        self._requests: set[asyncio.Task[Any]] = set()
        self._handlers: set[asyncio.Task[Any]] = set()
        self._release: Callable[[], None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        twice = DRAINS in scope
        scope[DRAINS] = True
        if scope["type"] == "lifespan":
            if wrong := TWICE if twice else self._wrong:
                await fail(receive, send, wrong)
                return
            self._hold()
            await live(self.app, scope, receive, send, lambda: self.shutdown.phase is not Phase.SERVING)
            self._let_go()
        elif twice or scope["type"] not in ("websocket", "http"):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            self._hold()
            await self._serve_websocket(scope, receive, send)
        else:
            self._hold()
            await self._serve_request(scope, receive, send)

    # ---- The stop ----

    def _hold(self) -> None:
        if self._release is not None:
            return
        if not logger.hasHandlers():
            write_lines("info")
        _, self._release = hold(self.shutdown, self._drain, self._options)
        logging.getLogger("uvicorn.error").addFilter(self._is_worth_a_line)

    def _let_go(self) -> None:
        if self._release is not None:
            self._release()

    def _is_worth_a_line(self, record: logging.LogRecord) -> bool:
        """From the signal on uvicorn's lines for single connections are left out."""
        return self.shutdown.phase is Phase.SERVING or is_worth_a_line(record)

    async def _drain(self) -> None:
        """Drain the clients; then have requests and handlers end that are still under way."""
        await self.shutdown.drain()
        loop = asyncio.get_running_loop()
        requests = set(self._requests)
        while requests and loop.time() < self.shutdown.deadline and not self.shutdown.forced:
            await asyncio.wait(requests, timeout=HANDLERS_END_S)
            requests = {request for request in requests if not request.done()}
        if self._handlers:
            await asyncio.wait(set(self._handlers), timeout=HANDLERS_END_S)

    # ---- WebSockets ----

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        tcp = TcpConnection(send, hushed=False)
        if self.shutdown.phase is not Phase.SERVING:
            self.refused += 1
            why = HandshakeRefused(503, "this server is shutting down", RETRY_AFTER_S)
            await refuse(scope, tcp, receive, send, why)
            return
        bounds = (self._options.inbox_messages, self._options.outbox_bytes, self._options.close_timeout_s)
        client = WebSocketClient(next(self._numbers), receive, send, tcp, partial(self._word, scope), bounds)
        self.connections[client.number] = client
        self.shutdown.joined(client)
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        knows_its_end = not tcp.lost.done()
        if knows_its_end:
            tcp.lost.add_done_callback(lambda _: self.shutdown.gone(client))
        try:
            await client.serve(partial(self.app, scope))
        finally:
            self._handlers.discard(handler)
            if knows_its_end and not tcp.lost.done():
                tcp.lost.add_done_callback(lambda _: self.connections.pop(client.number))
            else:
                self.shutdown.gone(client)
                del self.connections[client.number]

    def _word(self, scope: Scope, notice: Draining, subprotocol: str | None) -> str | bytes | None:
        if self._on_drain is None:
            framed = subprotocol is not None or ENGINE_IO in scope.get("query_string", b"")
            return None if framed else notice.model_dump_json()
        try:
            return self._on_drain(scope, notice.deadline_s, notice.reconnect_after_s)
        except Exception as error:
            logger.error("on_drain failed, and the client is told nothing: %r", error)
            return None

    # ---- HTTP ----

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = asyncio.current_task()
        assert request is not None
        self._requests.add(request)
        try:
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            if scope["method"] not in ("GET", "HEAD"):
                await self.app(scope, receive, send)
            elif path == self._options.ready_path:
                await self._answer_readiness(scope, receive, send)
            elif path == self._options.health_path:
                body = {"status": "ok", "phase": self.shutdown.phase, "connections": self.shutdown.remaining}
                await self._answer_where_nothing_is(scope, receive, send, body)
            else:
                await self.app(scope, receive, send)
        finally:
            self._requests.discard(request)

    async def _answer_readiness(self, scope: Scope, receive: Receive, send: Send) -> None:
        """In a drain it is 503, whatever the application would say; before, its own answer stands."""
        if self.shutdown.phase is not Phase.SERVING:
            await respond(send, 503, {"status": "draining"}, [(b"retry-after", b"%d" % RETRY_AFTER_S)])
            return
        await self._answer_where_nothing_is(scope, receive, send, {"status": "ready"})

    async def _answer_where_nothing_is(self, scope: Scope, receive: Receive, send: Send, body: dict[str, Any]) -> None:
        """Let the application answer; what it answers with 404 is answered with `body`."""
        missing = False

        async def look(message: Message) -> None:
            nonlocal missing
            missing = missing or message.get("status") == 404
            if not missing:
                await send(message)

        await self.app(scope, receive, look)
        if missing:
            await respond(send, 200, body)


async def respond(
    send: Send, status: int, body: dict[str, Any], headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Answer with JSON."""
    content = json.dumps(body).encode()
    about = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": about})
    await send({"type": "http.response.body", "body": content})
