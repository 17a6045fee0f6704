"""Those who are sent what everyone is sent, in one form, and the loop that writes it to each of them.

Owns that loop, which runs once for each client of each broadcast, and is written out for that reason. A client's
backlog is not looked at for each frame: as long as what was written since the last look cannot have filled anyone's,
a frame goes to the transports and to nothing else (measured: a fifth of what Python adds to a frame, at 1,000 and at
10,000 clients). Refuses to know what becomes of a reader that is over its limit.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from ..messages.frame import Batch, Frame
from ..messages.wire import Form
from .output import Output

# Bytes after which every backlog is looked at, however much room there is: the server's own pongs wait there, too.
LOOK_EVERY_BYTES = 4096


class Reader(Protocol):
    """A connection, as far as frames on their way out are concerned.

    `pending` is what waits for it alone; None as long as it is sent what everyone is sent. A connection that is not
    accepted yet, or closed, is never None.
    """

    form: Form
    open: bool
    pending: list[Frame] | None
    output: Output | None

    def flush(self) -> None:
        """Write what is pending."""

    def overflow(self, full: str) -> None:
        """It reads too slowly; `full` says how much waits for it."""


class Lane:
    """Readers that have an output, in the order in which they entered."""

    def __init__(self) -> None:
        self._transports: dict[Reader, asyncio.WriteTransport | None] = {}
        self._room_bytes = 0

    def __len__(self) -> int:
        return len(self._transports)

    def enter(self, reader: Reader) -> None:
        """Send a reader what everyone is sent, from now on."""
        assert reader.output is not None
        self._transports[reader] = reader.output.transport
        self._room_bytes = min(self._room_bytes, reader.output.room_bytes)

    def leave(self, reader: Reader) -> None:
        """Send it to a reader no longer. Nothing happens if it is not here."""
        self._transports.pop(reader, None)

    def write(self, batch: Batch) -> None:
        """Write a batch to each reader in one go; who has no room for it is told so."""
        wire = batch.wire
        if len(wire) > self._room_bytes:
            self._write_and_look(batch)
            return
        self._room_bytes -= len(wire)
        for transport in self._transports.values():
            try:  # noqa: SIM105  # a context manager for each frame would cost as much as all the rest here
                transport.write(wire)  # type: ignore[union-attr]  # who has none has no room
            except RuntimeError:  # uvloop's way to say that it is closed; its reader has yet to hear of it
                pass

    def _write_and_look(self, batch: Batch) -> None:
        self._room_bytes = LOOK_EVERY_BYTES
        for reader in list(self._transports):
            assert reader.output is not None
            if (full := reader.output.write(batch)) is None:
                self._room_bytes = min(self._room_bytes, reader.output.room_bytes)
            else:
                reader.overflow(full)
