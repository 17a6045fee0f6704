"""What all connections of one server share: its application, its state in uvicorn, its bounds, and its timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .alike import Handshakes
from .bounds import Bounds, Count
from .deadlines import Deadlines
from .handshake import Headers, lines
from .keepalive import Sweep

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState


class Shared:
    """Of one uvicorn Server. `app_state` is what lifespan startup has left. `otherwise` makes what speaks HTTP."""

    otherwise: Callable[[], asyncio.Protocol]

    def __init__(
        self,
        config: Config,
        state: ServerState,
        app_state: dict[str, Any],
        bounds: Bounds,
        count: Count,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.app = config.loaded_app
        self.config = config
        self.scheme = "wss" if config.ssl else "ws"
        self.state = state
        self.app_state = app_state
        self.connections: set[Any] = state.connections
        self.bounds = bounds
        self.handshakes = Handshakes(bounds.head_bytes, bounds.headers)
        self.count = count
        self.max_bytes = bounds.message_bytes or config.ws_max_size
        self._default_headers: Headers = []
        self._default_lines = b""
        self.deadlines = Deadlines(self.loop)
        self.sweep = Sweep(self.loop, config.ws_ping_interval, config.ws_ping_timeout)

    @property
    def default_lines(self) -> bytes:
        """What uvicorn has every answer say, encoded: it has a new list each second, with the date."""
        if self._default_headers is not self.state.default_headers:
            self._default_headers = self.state.default_headers
            self._default_lines = lines(self._default_headers)
        return self._default_lines


def client_of(transport: asyncio.Transport) -> tuple[str, int] | None:
    """The client's address, as ASGI has it; None on a Unix socket. To ask the socket takes four times as long."""
    info = transport.get_extra_info("peername")
    return info[:2] if isinstance(info, tuple) else None


def server_of(transport: asyncio.Transport) -> tuple[str, int | None] | None:
    """Our address, as ASGI has it; of a Unix socket its path."""
    info = transport.get_extra_info("sockname")
    return info[:2] if isinstance(info, tuple) else (info, None) if info else None


def who_of(transport: asyncio.Transport) -> str:
    """A client that has no name yet, by its address."""
    return "{}:{}".format(*(client_of(transport) or ("unknown", 0)))
