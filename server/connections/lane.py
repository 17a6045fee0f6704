"""Frames on their way to sockets: to one client, and to everyone in one loop.

Owns the two ways out, which keep the same order and the same bound in bytes. Under uvicorn a frame that was encoded
once is written to the connection's transport: no task, no queue, and the transport's buffer is the backlog (measured:
2.2 times the speed of an ASGI `send` for each client). On another ASGI server, or in FastAPI's TestClient, frames wait
for one writer task.

Owns also the loop that writes to everyone what everyone is sent. It runs once for each client of each broadcast, and is
written out for that reason. A client's backlog is not looked at for each frame: as long as what was written since the
last look cannot have filled anyone's, a frame goes to the transports and to nothing else (measured: a fifth of what
Python adds to a frame, at 1,000 and at 10,000 clients). Refuses to know what becomes of a client over its limit.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from ..messages.frame import Batch
from .asgi import Send
from .backlog import Backlog
from .transport import Tcp

# Bytes after which every backlog is looked at, however much room there is: the server's own pongs wait there, too.
LOOK_EVERY_BYTES = 4096


class Output(Protocol):
    """The way out to one client. Nothing here waits but `flushed`."""

    @property
    def transport(self) -> asyncio.WriteTransport | None:
        """The transport to which `room_bytes` may be written without asking."""

    @property
    def joins_writes(self) -> bool:
        """Whether what is written in one turn of the event loop leaves together by itself."""

    @property
    def room_bytes(self) -> int:
        """How much fits before the backlog is over its limit; 0 where nothing may be written without asking."""

    @property
    def waiting_bytes(self) -> int:
        """How much waits for the client."""

    @property
    def ready(self) -> bool:
        """Whether a close frame could be sent without waiting at all."""

    def write(self, batch: Batch) -> str | None:
        """Send a batch. Returns how full the backlog is if the batch did not fit: the client has missed a frame."""

    async def flushed(self) -> None:
        """Return when the client has read so much that a close frame can follow, or when it is gone."""

    def end(self) -> None:
        """Forget the backlog: the connection is gone."""


def output_of(tcp: Tcp, send: Send, limit_bytes: int) -> Output:
    """Choose the way out that this connection offers."""
    return DirectOutput(tcp, limit_bytes) if tcp.writes_directly else QueuedOutput(send, limit_bytes)


class DirectOutput:
    """Writes to the transport under a uvicorn connection."""

    __slots__ = ("_limit_bytes", "_tcp", "joins_writes", "transport")

    def __init__(self, tcp: Tcp, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._tcp = tcp
        self.transport = tcp.transport
        self.joins_writes = type(self.transport).__module__.startswith("uvloop")

    @property
    def room_bytes(self) -> int:
        """How much fits before the backlog is over its limit."""
        return self._limit_bytes - self.transport.get_write_buffer_size()

    @property
    def waiting_bytes(self) -> int:
        """What the kernel has not taken yet."""
        return self.transport.get_write_buffer_size()

    @property
    def ready(self) -> bool:
        """Whether uvicorn would send at once."""
        return self._tcp.would_send

    def write(self, batch: Batch) -> str | None:
        """Write a batch in one go: several frames in one cost little more than one alone."""
        backlog_bytes = self.transport.get_write_buffer_size()
        if backlog_bytes and backlog_bytes + len(batch.wire) > self._limit_bytes:
            return f"{backlog_bytes} of {self._limit_bytes} bytes"
        try:  # noqa: SIM105  # a context manager would cost more than the rest of it
            self.transport.write(batch.wire)
        except RuntimeError:  # uvloop's way to say that it is closed; whoever reads from it has yet to notice
            pass
        return None

    async def flushed(self) -> None:
        """Wait until uvicorn would send again."""
        await self._tcp.writable()

    def end(self) -> None:
        """Nothing: the transport forgets by itself."""


class QueuedOutput:
    """Sends with ASGI's `send`, by one task that runs while a frame waits."""

    __slots__ = ("_backlog",)

    transport = None
    joins_writes = False
    room_bytes = 0
    ready = False  # nobody knows whether ASGI's `send` would wait

    def __init__(self, send: Send, limit_bytes: int) -> None:
        self._backlog = Backlog(send, limit_bytes)

    @property
    def waiting_bytes(self) -> int:
        """What the writer has not sent yet."""
        return self._backlog.waiting_bytes

    def write(self, batch: Batch) -> str | None:
        """Queue a batch for the writer."""
        for frame in batch.frames:
            message = {"type": "websocket.send", "text": frame.text}
            if (full := self._backlog.put(message, frame.size)) is not None:
                return full
        return None

    async def flushed(self) -> None:
        """Wait until the writer has sent everything."""
        await self._backlog.flushed()

    def end(self) -> None:
        """Stop the writer."""
        self._backlog.end()


class Reader(Protocol):
    """What leaves for one connection, as far as the loop is concerned."""

    output: Output | None

    def overflow(self, full: str) -> None:
        """Note that the client reads too slowly, and that `full` waits for it."""


class Lane:
    """The connections of one form that are sent what everyone is sent, in the order in which they entered."""

    def __init__(self) -> None:
        self._transports: dict[Reader, asyncio.WriteTransport | None] = {}
        self._room_bytes = 0

    def __len__(self) -> int:
        return len(self._transports)

    def enter(self, reader: Reader) -> None:
        """Send a connection what everyone is sent, from now on. It has an output."""
        assert reader.output is not None
        self._transports[reader] = reader.output.transport
        self.note(reader)

    def note(self, reader: Reader) -> None:
        """Note how much room a connection has left."""
        assert reader.output is not None
        self._room_bytes = min(self._room_bytes, reader.output.room_bytes)

    def leave(self, reader: Reader) -> None:
        """Send it to a connection no longer. Nothing happens if it is not here."""
        self._transports.pop(reader, None)

    def write(self, batch: Batch) -> None:
        """Write a batch to each connection in one go; one that has no room for it overflows."""
        wire = batch.wire
        if len(wire) > self._room_bytes:
            self._write_and_look(batch)
            return
        self._room_bytes -= len(wire)
        for transport in self._transports.values():
            try:  # noqa: SIM105  # a context manager for each frame would cost as much as all the rest here
                transport.write(wire)  # type: ignore[union-attr]  # where there is none, there is no room
            except RuntimeError:  # uvloop's way to say that it is closed; whoever reads from it has yet to notice
                pass

    def _write_and_look(self, batch: Batch) -> None:
        self._room_bytes = LOOK_EVERY_BYTES
        for reader in list(self._transports):
            assert reader.output is not None
            if (full := reader.output.write(batch)) is None:
                self._room_bytes = min(self._room_bytes, reader.output.room_bytes)
            else:
                reader.overflow(full)
