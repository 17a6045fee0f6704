"""The WebSocket endpoints, as raw ASGI: admission and handshake.

Owns who is let in. Admission and registration happen in one turn of the event loop, so that nobody slips in between
a stop and its notice. Raw ASGI because a WebSocket that never passes FastAPI's handler costs 12 kB less and opens
1.3 times as fast (`docs/performance.md`). Refuses to know what is said on a connection.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.routing import Router, WebSocketRoute
from starlette.types import ASGIApp, Scope

from ..drain.events import Phase
from ..drain.shutdown import Shutdown
from ..hub import Hub
from ..messages.wire import SUBPROTOCOL, Arrival, Form, Malformed, parse_arrival
from .connection import Connection
from .terms import Handler, Identity, Limits, Receive
from .transport import Link, Send

Begin = Callable[[Connection, Arrival], Handler]

NEW_HERE = Arrival()
RETRY_AFTER_S = 1


class Sockets:
    """Admits clients and serves them."""

    def __init__(self, hub: Hub, shutdown: Shutdown, limits: Limits) -> None:
        self._hub = hub
        self._shutdown = shutdown
        self._limits = limits
        self._numbers = itertools.count(1)
        self.refused = 0

    @property
    def welcome(self) -> bool:
        """Whether newcomers are admitted."""
        return self._shutdown.phase is Phase.SERVING

    async def serve(self, begin: Begin, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit one client and serve it until its link is lost."""
        try:
            arrival = arrival_of(scope["query_string"])
        except Malformed as error:
            await refuse(receive, send, 400, str(error))
            return
        form = Form.ENVELOPE if SUBPROTOCOL in scope["subprotocols"] else Form.PLAIN
        connection = self._connection(scope, form, receive, send)
        self._hub.enter(connection)
        self._shutdown.joined(connection)
        try:
            await connection.run(begin(connection, arrival), SUBPROTOCOL if form is Form.ENVELOPE else None)
        finally:
            self._shutdown.gone(connection)
            try:
                await connection.finish()
            finally:
                self._hub.forget(connection)

    def _connection(self, scope: Scope, form: Form, receive: Receive, send: Send) -> Connection:
        number = next(self._numbers)
        client_id = scope["path_params"].get("client_id")
        who = Identity(number, client_id or f"{self._hub.process}-{number}", client_id is not None, form)
        return Connection(who, receive, send, Link(send), self._limits, self._hub.broadcaster)


class Endpoint:
    """One WebSocket path, as an ASGI app for Starlette's router."""

    def __init__(self, sockets: Sockets, begin: Begin) -> None:
        self._sockets = sockets
        self._begin = begin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one client."""
        await self._sockets.serve(self._begin, scope, receive, send)


class Door:
    """WebSockets at our paths are served here, at any others by `app`; in a drain none is let in."""

    def __init__(self, app: ASGIApp, sockets: Sockets, paths: dict[str, Begin]) -> None:
        self._sockets = sockets
        routes = [WebSocketRoute(path, Endpoint(sockets, begin)) for path, begin in paths.items()]
        self._websockets = Router(routes, default=app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket."""
        if self._sockets.welcome:
            await self._websockets(scope, receive, send)
        else:
            self._sockets.refused += 1
            await refuse(receive, send, 503, "this server is shutting down", retry_after_s=RETRY_AFTER_S)


def arrival_of(query: bytes) -> Arrival:
    """Read what a client asks for in its handshake. Raises Malformed."""
    if not query:
        return NEW_HERE
    return parse_arrival(parse_qsl(query.decode("latin-1"), keep_blank_values=True))


async def refuse(receive: Receive, send: Send, status: int, detail: str, *, retry_after_s: int | None = None) -> None:
    """Answer a handshake with an HTTP error. Stays until the client is gone, or uvicorn logs an ERROR for it."""
    link = Link(send)
    body = f"{detail}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    if retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % retry_after_s))
    messages: list[MutableMapping[str, Any]] = [
        {"type": "websocket.http.response.start", "status": status, "headers": headers},
        {"type": "websocket.http.response.body", "body": body},
    ]
    for message in messages:
        await send(message)
    while (await receive())["type"] != "websocket.disconnect":
        pass
    await link.lost
