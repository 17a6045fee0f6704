"""What uvicorn is given for each TCP connection: who has asked for a WebSocket in one piece is one at once.

Owns the first read of a connection, and how long a client may take for it. Everything else, also half a handshake, goes
to uvicorn's own HTTP class as if nobody had looked; which hands an upgrade on to `Shared.websocket` as it always does.
"""

from __future__ import annotations

import asyncio

from .handshake import Upgrade
from .shared import Shared
from .websocket import WebSocket


class Entrance(asyncio.Protocol):
    """A TCP connection on which nothing has been read."""

    __slots__ = ("_shared", "transport")

    def __init__(self, shared: Shared) -> None:
        self.transport: asyncio.Transport = None  # type: ignore[assignment]  # until it is made
        self._shared = shared

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for what the client wants."""
        self.transport = transport  # type: ignore[assignment]  # uvicorn makes no others
        self._shared.connections.add(self)
        self._shared.deadlines.expect(self, self._shared.bounds.head_s)

    def data_received(self, data: bytes) -> None:
        """Become a WebSocket, or let uvicorn have it."""
        transport = self.transport
        self._leave()
        upgrade = self._shared.handshakes.read(data)
        if isinstance(upgrade, Upgrade):
            websocket = WebSocket(self._shared)
            websocket.connection_made(transport)
            transport.set_protocol(websocket)
            websocket.begin(upgrade)
            return
        http = self._shared.otherwise()
        http.connection_made(transport)
        transport.set_protocol(http)
        http.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # who has said nothing is missed by nobody
        """Forget it."""
        self._leave()

    def _leave(self) -> None:
        self._shared.connections.discard(self)
        self._shared.deadlines.settle(self)

    def shutdown(self) -> None:
        """End it: uvicorn stops."""
        self.transport.close()

    def overdue(self) -> None:
        """End it: the client has said nothing."""
        self.shutdown()
