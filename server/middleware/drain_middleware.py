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
from ..connections.refusal import Reason
from ..drain.hold import hold
from ..logs import is_worth_a_line, write_lines
from ..settings import explained
from .crowd import Crowd, OnDrain
from .entrance import note_sends, servers_send
from .lifespan import fail, live
from .options import Options
from .requests import Requests
from .websocket import serve

logger = logging.getLogger("ebb")

# What the scope of an application that drains already carries.
DRAINS = "ebb.drains"
TWICE = "DrainMiddleware is added twice: once is enough, outermost"
# Turns of the event loop in which handlers that were cancelled end.
CANCELLED_END_TURNS = 10


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
        self._crowd = Crowd(self._options, on_drain)
        self.shutdown = self._crowd.shutdown
        self._requests = Requests(app, self._crowd)
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
            await serve(self._app, self._crowd, scope, receive, send, servers_send(scope, send))
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

        from ..metrics.numbers import DrainNumbers

        crowd = self._crowd
        numbers = DrainNumbers(self.shutdown, lambda: {Reason.DRAINING: crowd.refused}, lambda: crowd.slow_consumers)
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
        for _ in range(CANCELLED_END_TURNS):
            await asyncio.sleep(0)
