"""The TCP link under one ASGI WebSocket: what ASGI itself does not tell.

Owns the few things that are reached for in uvicorn's protocol object: the end of the connection, whether the closing
handshake was completed, the close timer, and cutting it off. Every reach is guarded: on another ASGI server (or in
FastAPI's TestClient) a link simply ends when its handler does.

Measured on uvicorn 0.54: the ASGI `send` is a bound method of the protocol object. A handler that has ended is not a
peer that is gone, so whoever counts connections waits for `lost`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Link:
    """One TCP connection, seen from its ASGI `send`."""

    __slots__ = ("_protocol", "lost")

    def __init__(self, send: Send) -> None:
        protocol = getattr(send, "__self__", None)
        self._protocol: Any = protocol if isinstance(protocol, asyncio.BaseProtocol) else None
        self.lost = asyncio.Event()
        if self._protocol is None:
            self.lost.set()
        else:
            self._watch(self._protocol)

    def _watch(self, protocol: Any) -> None:
        connection_lost = protocol.connection_lost

        def connection_lost_and_noted(exc: Exception | None) -> None:
            connection_lost(exc)
            self.lost.set()

        protocol.connection_lost = connection_lost_and_noted

    @property
    def ping_interval_s(self) -> float | None:
        """How often the server pings this client, in seconds; None for never or unknown."""
        config = getattr(self._protocol, "config", None)
        return getattr(config, "ws_ping_interval", None)

    @property
    def peer_closed(self) -> bool | None:
        """Whether the peer's close frame has arrived; None where nobody can tell."""
        connection = getattr(self._protocol, "conn", self._protocol)
        if hasattr(connection, "close_rcvd"):  # websockets, both implementations
            return connection.close_rcvd is not None
        state = getattr(connection, "state", None)  # wsproto
        return None if state is None else state.name in ("REMOTE_CLOSING", "CLOSED")

    def set_close_timeout(self, seconds: float) -> None:
        """Bound the closing handshake that is about to begin; uvicorn's own bound is 10 s."""
        if hasattr(self._protocol, "close_timeout"):
            self._protocol.close_timeout = max(0.0, seconds)

    def abort(self) -> None:
        """Cut the connection off, whatever its write buffer still holds."""
        transport = getattr(self._protocol, "transport", None)
        if transport is not None:
            transport.abort()
