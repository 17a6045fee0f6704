"""How frames leave for one client, and the bound on what waits for it.

Owns the two ways out. Under uvicorn a frame that was encoded once is written to the connection's transport: no
task, no queue, and the transport's buffer is the backlog (measured: 2.2 times the speed of an ASGI `send` for each
client). On another ASGI server, or in FastAPI's TestClient, frames wait in an outbox for one writer task. Both keep
the order, both have the same limit in bytes. Refuses to know what becomes of a client that is over it.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from ..messages.frame import Batch
from .outbox import Offer, Outbox
from .transport import Link, Send


class Output(Protocol):
    """The way out to one client. Nothing here waits but `flushed`."""

    @property
    def transport(self) -> asyncio.WriteTransport | None:
        """Where `room_bytes` may be written without asking."""

    @property
    def room_bytes(self) -> int:
        """How much fits before more would wait than may; 0 where nothing may be written without asking."""

    def write(self, batch: Batch) -> str | None:
        """Send a batch. None, or, when more would wait than may: how much does, and nothing was sent."""

    @property
    def ready(self) -> bool:
        """Whether a close frame could be sent without waiting at all."""

    async def flushed(self) -> None:
        """Return when the client has read so much that a close frame can follow, or when it is gone."""

    def end(self) -> None:
        """Forget what still waits: the connection is gone."""


def output_of(link: Link, send: Send, limit_bytes: int) -> Output:
    """Choose the way out that this connection offers."""
    return DirectOutput(link, limit_bytes) if link.writes_directly else QueuedOutput(send, limit_bytes)


class DirectOutput:
    """Writes to the transport under a uvicorn connection."""

    __slots__ = ("_limit_bytes", "_link", "transport")

    def __init__(self, link: Link, limit_bytes: int) -> None:
        self._link = link
        self._limit_bytes = limit_bytes
        self.transport = link.transport

    @property
    def room_bytes(self) -> int:
        """How much fits before more would wait than may."""
        return self._limit_bytes - self.transport.get_write_buffer_size()

    def write(self, batch: Batch) -> str | None:
        """Write a batch in one go: several frames in one cost little more than one alone."""
        backlog_bytes = self.transport.get_write_buffer_size()
        if backlog_bytes and backlog_bytes + len(batch.wire) > self._limit_bytes:
            return f"{backlog_bytes} of {self._limit_bytes} bytes"
        with contextlib.suppress(RuntimeError):  # uvloop says that it is closed; the reader has yet to hear of it
            self.transport.write(batch.wire)
        return None

    @property
    def ready(self) -> bool:
        """Whether uvicorn would send at once."""
        return self._link.is_writable

    async def flushed(self) -> None:
        """Wait until uvicorn would send again."""
        await self._link.writable()

    def end(self) -> None:
        """Nothing: the transport forgets by itself."""


class QueuedOutput:
    """Sends with ASGI's `send`, by one task that is there while something waits, so that frames keep their order."""

    __slots__ = ("_clock", "_outbox", "_send", "_writer")

    transport = None
    room_bytes = 0

    def __init__(self, send: Send, limit_bytes: int) -> None:
        self._send = send
        self._outbox = Outbox(limit_bytes)
        self._clock = asyncio.get_running_loop().time
        self._writer: asyncio.Task[None] | None = None

    def write(self, batch: Batch) -> str | None:
        """Queue a batch for the writer."""
        for frame in batch.frames:
            if self._outbox.offer(frame, self._clock()) is Offer.OVERFLOW:
                full = self._outbox.describe(self._clock())
                self._outbox.clear()
                return full
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return None

    @property
    def ready(self) -> bool:
        """Never: whether ASGI's `send` waits is not known before."""
        return False

    async def flushed(self) -> None:
        """Wait until the writer has sent everything."""
        while self._writer is not None:
            await asyncio.wait({self._writer})

    def end(self) -> None:
        """Stop the writer."""
        if self._writer is not None:
            self._writer.cancel()

    async def _write(self) -> None:
        try:
            while self._outbox:
                await self._send({"type": "websocket.send", "text": self._outbox.take().text})
        except (OSError, RuntimeError):  # the peer is gone, or was closed for a missing pong; the reader hears of it
            self._outbox.clear()
        finally:
            self._writer = None
