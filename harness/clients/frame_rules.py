"""What a server may send after its handshake, frame by frame, and which rules it broke.

Owns the rules of RFC 6455 that the reader of a server's frames can check: 5.2 (reserved bits and opcodes, the shortest
length), 5.4 (fragments), 5.5 (control frames), 5.5.1 (nothing after a close frame), 7.4 (close codes, as in the IANA
registry) and 8.1 (UTF-8). No extension is negotiated. Refuses to know connections, masks and clauses. Pure.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

FIN, RESERVED_BITS, OPCODE = 0x80, 0x70, 0x0F
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
NAMES = {CONTINUATION: "continuation", TEXT: "text", BINARY: "binary message", CLOSE: "close frame"}
NAMES |= {PING: "ping", PONG: "pong"}
MOST_CONTROL_BYTES = 125
REGISTERED_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})  # the codes allowed in a close frame
ANYBODYS_CODES = range(3000, 5000)


class FrameRules:
    """One connection's frames, in the order of arrival. `closed`: one of them was a close frame."""

    def __init__(self) -> None:
        self.closed = False
        self.close_code: int | None = None
        self.fragment_open = False
        self._spoke_again = False
        self._text: codecs.IncrementalDecoder | None = None

    def broken_by(self, head: int, payload: bytes, short: bool = True) -> Iterator[str]:
        """The rules that a whole frame breaks. `head` is its first byte; `short`: its length has the shortest form."""
        opcode, fin = head & OPCODE, bool(head & FIN)
        if opcode not in NAMES:
            yield f"sent a frame with the reserved opcode {opcode:#x}"
            return
        name = NAMES[opcode]
        if head & RESERVED_BITS:
            yield f"sent a {name} with reserved bits set"
        if not short:
            yield f"sent a {name} whose length takes more bytes than it needs"
        if opcode >= CLOSE:
            yield from self._by_control(opcode, fin, payload)
        else:
            yield from self._by_data(opcode, fin, payload)

    def broken_after_close(self, data: bytes) -> Iterator[str]:
        """What came after the close frame, by its first byte. Only the first such frame is reported."""
        if not self._spoke_again:
            self._spoke_again = True
            yield f"sent a {NAMES.get(data[0] & OPCODE, 'frame')} after its close frame"

    def _by_control(self, opcode: int, fin: bool, payload: bytes) -> Iterator[str]:
        name = NAMES[opcode]
        if not fin:
            yield f"sent a {name} in fragments"
        if len(payload) > MOST_CONTROL_BYTES:
            yield f"sent a {name} of {len(payload)} bytes (limit {MOST_CONTROL_BYTES} bytes)"
        if opcode == CLOSE:
            self.closed = True
            yield from self._by_close(payload)

    def _by_close(self, payload: bytes) -> Iterator[str]:
        if self.fragment_open:
            yield "left a message in fragments open at its close frame"
        if len(payload) == 1:
            yield "sent a close frame with half a code"
        elif payload:
            self.close_code = int.from_bytes(payload[:2], "big")
            if self.close_code not in REGISTERED_CODES and self.close_code not in ANYBODYS_CODES:
                yield f"sent a close frame with code {self.close_code}"
            if not is_utf8(payload[2:]):
                yield "sent a close frame with a reason that is not UTF-8"

    def _by_data(self, opcode: int, fin: bool, payload: bytes) -> Iterator[str]:
        if opcode == CONTINUATION and not self.fragment_open:
            yield "sent a continuation of no message"
        if opcode != CONTINUATION and self.fragment_open:
            yield f"began a {NAMES[opcode]} inside of another message"
        if opcode != CONTINUATION:
            self._text = codecs.getincrementaldecoder("utf-8")() if opcode == TEXT else None
        self.fragment_open = not fin
        if self._text is not None:
            try:
                self._text.decode(payload, final=fin)
            except UnicodeDecodeError:
                self._text = None
                yield "sent a text that is not UTF-8"


def is_utf8(data: bytes) -> bool:
    """Whether these bytes are valid UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
