"""Writes out, once a turn of the event loop, everything that was offered to connections in it: one write a client.

Owns the two loops that run once for each client of each broadcast, and are written out for that reason. Several
messages for a client leave together, and none waits for another: measured 2 to 3 times the rate under backlog, and
nothing lost on a single message. Refuses to know what a connection is beyond what is named in `Reader`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from server.core.frame import Frame
from server.core.wire import Form
from server.output import Output


class Reader(Protocol):
    """A connection, as far as frames on their way out are concerned."""

    form: Form
    open: bool
    pending: list[Frame]
    output: Output | None

    def overflow(self, full: str) -> None:
        """It reads too slowly; `full` says how much waits for it."""


class Flusher:
    """Those connections to which something was offered in this turn of the event loop."""

    def __init__(self) -> None:
        self.slow_consumers = 0
        self._waiting: list[Reader] = []

    def add(self, reader: Reader) -> None:
        """Flush `reader` before the event loop looks at its sockets again."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(reader)

    def offer_all(self, audience: Iterable[Reader], but: Reader | None, plain: Frame, envelope: Frame) -> None:
        """Offer one message to an audience without its sender, to each in its form."""
        add = self.add
        for reader in audience:
            if reader is not but and reader.open:
                if not reader.pending:
                    add(reader)
                reader.pending.append(plain if reader.form is Form.PLAIN else envelope)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for reader in waiting:
            output = reader.output
            if output is None:  # not accepted yet: then it flushes itself
                continue
            frames, reader.pending = reader.pending, []
            if frames and reader.open and (full := output.write(frames)) is not None:
                reader.overflow(full)
