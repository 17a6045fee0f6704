"""Where these classes take the place of uvicorn's own.

Owns the choice: only where uvicorn would use classes that are known to behave as ours do. Everything that uvicorn was
told otherwise (`--ws wsproto`, `--ws none`, a class of somebody's own) is left as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .bounds import Bounds, Count, not_counted
from .entrance import Entrance
from .http import Http
from .shared import Shared
from .websocket import WebSocket

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

HTTP = ("HttpToolsProtocol", "H11Protocol")
WEBSOCKETS = "WebSocketsSansIOProtocol"
BOUNDS = Bounds()


def install(config: Config, bounds: Bounds = BOUNDS, count: Count = not_counted) -> bool:
    """Have uvicorn use our classes for every connection from now on; say whether it will.

    `config` must be loaded. `count` is told of each connection that went beyond `bounds`. Where uvicorn has no
    httptools, and reads HTTP with h11, only the size of a head is bounded.
    """
    http: Callable[..., asyncio.Protocol] = config.http_protocol_class
    websocket = config.ws_protocol_class
    if getattr(http, "__name__", "") not in HTTP or getattr(websocket, "__name__", "") != WEBSOCKETS:
        return False
    served: dict[int, Shared] = {}
    config.h11_max_incomplete_event_size = config.h11_max_incomplete_event_size or bounds.head_bytes

    def enter(server_state: ServerState, app_state: dict[str, Any], **more: Any) -> Entrance:
        if (shared := served.get(id(server_state))) is None:
            shared = served[id(server_state)] = Shared(config, server_state, app_state, bounds, count)
            make = partial(Http, shared) if http is Http.__base__ else http
            shared.otherwise = partial(make, server_state=server_state, app_state=app_state, **more)
        return Entrance(shared)

    def upgrade(server_state: ServerState, **_: Any) -> WebSocket:
        return WebSocket(served[id(server_state)])  # it has entered before

    config.http_protocol_class, config.ws_protocol_class = enter, upgrade  # type: ignore[assignment]
    return True
