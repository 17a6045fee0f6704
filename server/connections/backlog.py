"""What waits for one client where only ASGI's `send` leads to it.

Owns its bound, its order, and the one task that sends while something waits. Refuses to know what is said, and what
becomes of a client that reads too slowly.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import MutableMapping
from typing import Any

from .asgi import Send


class Backlog:
    """ASGI messages for one client, of `limit_bytes` together at most; a larger one is sent when nothing waits.

    `waiting_bytes`: how much waits.
    """

    __slots__ = ("_clock", "_limit_bytes", "_messages", "_send", "_writer", "waiting_bytes")

    def __init__(self, send: Send, limit_bytes: int) -> None:
        self._send = send
        self._limit_bytes = limit_bytes
        self._clock = asyncio.get_running_loop().time
        self._messages: deque[tuple[MutableMapping[str, Any], int, float]] = deque()
        self.waiting_bytes = 0
        self._writer: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether everything was sent."""
        return self._writer is None

    def has_room(self, size: int) -> bool:
        """Whether a message of `size` bytes can be put."""
        return not self._messages or self.waiting_bytes + size <= self._limit_bytes

    def put(self, message: MutableMapping[str, Any], size: int) -> str | None:
        """Queue a message of `size` bytes. If it does not fit, all is dropped, and what it says is how full it was."""
        now = self._clock()
        if not self.has_room(size):
            full = f"{self.waiting_bytes} of {self._limit_bytes} bytes, oldest {now - self._messages[0][2]:.1f} s"
            self._clear()
            return full
        self._messages.append((message, size, now))
        self.waiting_bytes += size
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return None

    async def flushed(self) -> None:
        """Wait until everything was sent."""
        while self._writer is not None:
            await asyncio.wait({self._writer})

    def end(self) -> None:
        """Stop sending."""
        if self._writer is not None:
            self._writer.cancel()

    async def _write(self) -> None:
        try:
            while self._messages:
                message, size, _ = self._messages.popleft()
                self.waiting_bytes -= size
                await self._send(message)
        except (OSError, RuntimeError):  # the client is gone, or was closed for a missing pong; the reader will notice
            self._clear()
        finally:
            self._writer = None

    def _clear(self) -> None:
        self._messages.clear()
        self.waiting_bytes = 0
