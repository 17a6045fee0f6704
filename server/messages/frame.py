"""One text message as it stands on the wire.

Owns the frame format of a server (RFC 6455 section 5.2): unmasked, never fragmented, never compressed;
a plain frame is legal on a connection that negotiated deflate (RFC 7692 section 6), and twice as fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_FIN = 0x80
_TEXT = 0x1


def encoded(opcode: int, payload: bytes) -> bytes:
    """Encode one whole frame of a server (5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((_FIN | opcode, size)) + payload
    if size < 1 << 16:
        return bytes((_FIN | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_FIN | opcode, 127)) + size.to_bytes(8, "big") + payload


class Frame(NamedTuple):
    """A message encoded once, and shared by everyone who gets it. `said` is its text, where that is at hand."""

    wire: bytes
    said: str | None = None

    @classmethod
    def of(cls, text: str) -> Frame:
        """Encode `text`. Raises UnicodeEncodeError for lone surrogates, which UTF-8 cannot hold."""
        return cls(encoded(_TEXT, text.encode()), text)

    @property
    def text(self) -> str:
        """What it says. Read from its bytes where it has to be: few ways out ask for it."""
        if self.said is not None:
            return self.said
        begins = {126: 4, 127: 10}.get(self.wire[1], 2)
        return self.wire[begins:].decode()

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return len(self.wire)


class Batch(NamedTuple):
    """Frames that leave together, in order."""

    frames: Sequence[Frame]
    wire: bytes

    @classmethod
    def of(cls, frames: Sequence[Frame]) -> Batch:
        """Join `frames`; of a single one nothing is copied."""
        return cls(frames, frames[0].wire if len(frames) == 1 else b"".join([frame.wire for frame in frames]))
