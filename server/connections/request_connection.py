"""The TCP connection under one ASGI request: what ASGI itself does not tell.

Owns everything that is reached for in uvicorn's object of a request and its response: whether the client is gone, what
has not left this process yet, and cutting it off. Every reach is guarded: on another ASGI server nothing is known.

Measured on uvicorn 0.54: the ASGI `send` is a bound method of that object. Its handler has ended when the last byte was
written, not when it was sent, and a shutdown cuts off what is left; so code that counts responses waits for `flushed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from .asgi import Send


class RequestConnection:
    """One TCP connection, found through the ASGI `send` of a request on it."""

    __slots__ = ("_cycle",)

    def __init__(self, send: Send) -> None:
        cycle = getattr(send, "__self__", None)
        self._cycle: Any = cycle if hasattr(cycle, "flow") and hasattr(cycle, "transport") else None

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended."""
        return self._cycle is not None and bool(self._cycle.disconnected)

    def when_lost(self, then: Callable[[], None]) -> None:
        """Call `then` once the connection has ended, if that can be known."""
        protocol = self._cycle and self._cycle.transport.get_protocol()
        if isinstance(protocol, asyncio.BaseProtocol):
            _when_lost(protocol, then)

    @property
    def unsent_bytes(self) -> int:
        """How many bytes have not left this process."""
        if self._cycle is None:
            return 0
        return int(self._cycle.transport.get_write_buffer_size())

    async def flushed(self) -> None:
        """Return when everything has left this process, or the connection has ended."""
        transport = self._cycle.transport
        transport.set_write_buffer_limits(high=0)  # pauses the writing until nothing waits
        try:
            await self._cycle.flow.drain()
        finally:
            transport.set_write_buffer_limits()

    def abort(self) -> None:
        """Cut the connection off, whatever its write buffer still holds."""
        if self._cycle is not None:
            self._cycle.transport.abort()


def _when_lost(protocol: Any, then: Callable[[], None]) -> None:
    """Call `then` once the connection of a protocol object has ended. Of several calls for one the last counts."""

    def connection_lost(exc: Exception | None) -> None:
        del protocol.connection_lost  # and with it the cycle of references that would keep both alive
        protocol.connection_lost(exc)
        then()

    protocol.connection_lost = connection_lost
