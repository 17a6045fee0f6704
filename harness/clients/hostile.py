"""Clients that misbehave: each class does one thing wrong, as its name says, and nothing else.

In the contract's terms a client is hostile if it does not read, never answers a close frame, never finishes its
handshake, or leaves pings unanswered. `MidFragment` and `Resetter` read and answer as long as they are connected: they
are unusual, but are judged like all other clients.

Rules. Each of them needs one socket only: no firewall, no root. A stalled reader reads again once the target has gone,
but only to see how the connection ended: what arrives then is thrown away, because it would look as if it had been
read in time. Source: contract, Terms; RFC 6455 §5.4, §5.5.
"""

from __future__ import annotations

import socket
import struct

from websockets.frames import Frame

from .client import Client
from .dialects import Envelope
from .small_window import SmallWindowClient

PONG = 0x8A
BEGUN = 2  # characters of a message that is never finished
LINGER_NOT = struct.pack("ii", 1, 0)


class StalledReader(SmallWindowClient):
    """Asks for a lot and reads nothing: its receive window closes, and the server's buffers for it fill up."""

    persona = "stalled-reader"
    hostile = True
    asks = 3
    ballast = f" {'x' * 40_000}"  # a server sends it back, and to the other stalled readers
    every_s = 0.1
    _looks_again = False

    def on_open(self) -> None:
        """Stop reading, then ask."""
        assert self._transport is not None, "open means connected"
        self._transport.pause_reading()
        if isinstance(self.dialect, Envelope) and self.dialect.room is not None:
            self.send([self.dialect.join()])
        for n in range(self.asks):
            self.after((n + 1) * self.every_s, self.say)

    def ask_in_a_room(self, room: str) -> None:
        """Be heard by others in this room only, where the target has rooms; called before it connects."""
        self.dialect = Envelope(self.name, room)
        self.subprotocol, self.broadcasts = self.dialect.subprotocol, False

    def look_again(self) -> None:
        """Read to the end of the connection, and ignore what is read."""
        self._looks_again = True
        if self._transport is not None and not self._transport.is_reading():
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Read the handshake only."""
        if not self._looks_again:
            super().data_received(data)

    def on_text(self, now: float, text: str) -> None:
        """Ignore a text that arrived together with the one that let the client in."""
        if not self.arrived:
            super().on_text(now, text)

    def _read_frame(self, now: float, frame: Frame) -> None:
        """The same."""
        if not self.arrived:
            super()._read_frame(now, frame)


class HalfOpen(Client):
    """A half-open connection: the kernel still acknowledges every byte, but no program reads or answers."""

    persona = "half-open"
    hostile = True

    def on_text(self, now: float, text: str) -> None:
        """Ignore every text, once the client is in."""
        if not self.arrived:
            super().on_text(now, text)

    def _read_frame(self, now: float, frame: Frame) -> None:
        """The same."""
        if not self.arrived:
            super()._read_frame(now, frame)

    def _write(self, chunks: list[bytes]) -> None:
        if not self.arrived:
            super()._write(chunks)


class PingIgnorer(Client):
    """Reads, answers close frames, and leaves every ping unanswered."""

    persona = "ping-ignorer"
    hostile = True

    def _write(self, chunks: list[bytes]) -> None:
        super()._write([chunk for chunk in chunks if not chunk or chunk[0] != PONG])


class CloseIgnorer(Client):
    """Reads everything and never answers a close frame."""

    persona = "close-ignorer"
    hostile = True

    def _answer(self, code: int, answer: list[bytes]) -> None:
        """Do not send the answer."""


class HalfHandshake(Client):
    """Sends half of its handshake and stops. It has arrived when it is connected by TCP."""

    persona = "half-handshake"
    hostile = True

    @property
    def arrived(self) -> bool:
        """Whether it is connected by TCP: it does not want more."""
        return self._transport is not None

    def _write(self, chunks: list[bytes]) -> None:
        request = b"".join(chunks)
        super()._write([request[: len(request) // 2]])
        self._settle_for(False)


class SilentPeer(Client):
    """Connects by TCP and sends nothing, not one byte of a handshake. It has arrived when it is connected."""

    persona = "silent-peer"
    hostile = True

    @property
    def arrived(self) -> bool:
        """Whether it is connected by TCP: it does not want more."""
        return self._transport is not None

    def _write(self, _: list[bytes]) -> None:
        """Do not send the handshake."""
        self._settle_for(False)


class MidFragment(Client):
    """Sends the first fragment of a message and never the rest; it reads and answers, so it is not hostile."""

    persona = "mid-fragment"

    def on_open(self) -> None:
        """Send the first fragment."""
        message = self.dialect.say(0)
        if isinstance(message, str):
            self._protocol.send_text(message[:BEGUN].encode(), fin=False)
        else:
            self._protocol.send_binary(message[:BEGUN], fin=False)
        self._flush()


class Resetter(Client):
    """Resets its connection (RST) `vanishes_s` after the signal; until then it behaves, so it is not hostile."""

    persona = "resetter"
    vanishes_s = 0.0

    def on_signal(self) -> None:
        """Plan the reset."""
        self.after(self.vanishes_s, self.vanish)

    def vanish(self) -> None:
        """Drop the connection with a reset."""
        if self._transport is None or self.ended:
            return
        self.leaving = True
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self.tear_down()
