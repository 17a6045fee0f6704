"""The server's own `send`, kept for the middleware where another one wraps it on the way in.

Starlette's `SessionMiddleware` is one that does: the TCP connection is found through `send`, so it would be hidden.
Every connection of uvicorn reads `config.loaded_app` when it is made; so what is noted there is noted before anything
else sees the scope. On another server, and on connections that were there before, `send` is taken as it comes.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from ..connections.asgi import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    import uvicorn

_SEND = "ebb.send"


def note_sends(server: uvicorn.Server) -> None:
    """Have every scope of `server` carry its `send`."""
    app: ASGIApp = server.config.loaded_app

    def enter(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        scope[_SEND] = send
        return app(scope, receive, send)

    server.config.loaded_app = enter


def servers_send(scope: Scope, send: Send) -> Send:
    """The server's own `send` for a scope; `send` itself where it was not noted."""
    noted: Send = scope.get(_SEND, send)
    return noted
