"""`DrainMiddleware`: one line makes any ASGI application drain before it stops.

    app.add_middleware(DrainMiddleware)     # FastAPI, Starlette, NiceGUI
    app = DrainMiddleware(app)              # anything else that speaks ASGI, outermost

Owns what is done with each ASGI scope: a WebSocket is counted in the turn in which it is admitted, or refused with 503
once the server is told to stop. What is done when is decided by the same drain as the reference server's
(`drain.shutdown`), and the server that runs the application is held in the same way (`drain.hold`). Refuses to know
what the application does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

from pydantic import ValidationError

from ..connections.asgi import ASGIApp, Receive, Scope, Send
from ..connections.refusal import refuse, shutting_down
from ..connections.transport import TcpConnection
from ..drain.hold import hold
from ..logs import is_worth_a_line, write_lines
from ..settings import explained
from .crowd import Crowd, OnDrain
from .entrance import note_sends, servers_send
from .lifespan import fail, live
from .options import Options
from .requests import Requests
from .websocket import WebSocketClient

logger = logging.getLogger("ebb")

# What the scope of an application that drains already carries.
DRAINS = "ebb.drains"
TWICE = "DrainMiddleware is added twice: once is enough, outermost"
# Seconds that handlers have to end once they were cancelled.
CANCELLED_END_S = 0.1


class DrainMiddleware:
    """Makes `app` drain. `settings` are those of `Options`; each is also an environment variable, `EBB_NAME`.

    `on_drain(scope, seconds_left, reconnect_after_s)` words what a client is told: text, bytes, or None for nothing.
    Without it each client that negotiated no subprotocol, and does not speak Engine.IO, is told the `draining` JSON
    text (`docs/wire.md`). A wrong setting, or a second DrainMiddleware, fails the startup with one line.
    """

    def __init__(self, app: ASGIApp, on_drain: OnDrain | None = None, **settings: Any) -> None:
        self._app = app
        self._wrong: str | None = None
        try:
            self._options = Options(**settings)
        except ValidationError as error:
            self._wrong = "; ".join(explained(Options, error))
            self._options = Options.model_construct()
        if self._options.metrics and find_spec("prometheus_client") is None:
            self._wrong = "EBB_METRICS needs prometheus_client: pip install prometheus-client"
        self._crowd = Crowd(self._options.drain_terms, on_drain)
        self.shutdown = self._crowd.shutdown
        self._requests = Requests(app, self._crowd, self._options)
        self._handlers: set[asyncio.Task[Any]] = set()
        self._release: Callable[[], None] | None = None
        self._unregister: Callable[[], None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        twice = DRAINS in scope
        scope[DRAINS] = True
        if scope["type"] == "lifespan":
            if wrong := TWICE if twice else self._wrong:
                await fail(receive, send, wrong)
                return
            self._hold()
            await live(self._app, scope, receive, send, lambda: not self._crowd.serving)
            self._let_go()
        elif twice or scope["type"] not in ("websocket", "http"):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            self._hold()
            await self._serve_websocket(scope, receive, send, servers_send(scope, send))
        else:
            self._hold()
            await self._requests.serve(scope, receive, send, servers_send(scope, send))

    # ---- The stop ----

    def _hold(self) -> None:
        if self._release is not None:
            return
        if not logger.hasHandlers():
            write_lines("info")
        server, self._release = hold(self.shutdown, self._drain, self._options)
        if server is not None:
            note_sends(server)
        logging.getLogger("uvicorn.error").addFilter(self._is_worth_a_line)
        if self._options.metrics:
            self._unregister = self._register()

    def _register(self) -> Callable[[], None]:
        from prometheus_client import REGISTRY

        from ..metrics import DrainNumbers

        numbers = DrainNumbers(self.shutdown, lambda: self._crowd.refused)
        REGISTRY.register(numbers)
        return partial(REGISTRY.unregister, numbers)

    def _let_go(self) -> None:
        if self._release is not None:
            self._release()
        if self._unregister is not None:
            self._unregister()
            self._unregister = None

    def _is_worth_a_line(self, record: logging.LogRecord) -> bool:
        """From the signal on uvicorn's lines for single connections are left out."""
        return self._crowd.serving or is_worth_a_line(record)

    async def _drain(self) -> None:
        """Drain the clients; then have requests and handlers end that are still under way."""
        await self.shutdown.drain()
        await self._requests.end()
        if self._handlers:
            await asyncio.wait(set(self._handlers), timeout=CANCELLED_END_S)

    # ---- WebSockets ----

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send, raw: Send) -> None:
        tcp = TcpConnection(raw, hushed=False)
        crowd, options = self._crowd, self._options
        if not crowd.serving:
            crowd.refused += 1
            await refuse(scope, tcp, receive, send, shutting_down())
            return
        bounds = (options.inbox_messages, options.outbox_bytes, options.close_timeout_s)
        client = WebSocketClient(crowd.number(), scope, receive, send, tcp, partial(crowd.word, scope), bounds)
        crowd.join(client)
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        has_an_end = not tcp.lost.done()
        if has_an_end:
            tcp.lost.add_done_callback(lambda _: crowd.gone(client))
        try:
            await client.serve(partial(self._app, scope))
        finally:
            self._handlers.discard(handler)
            if has_an_end:
                tcp.lost.add_done_callback(lambda _: crowd.forget(client))
            else:
                crowd.forget(client)
