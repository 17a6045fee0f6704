"""The frames of a client, one after another (RFC 6455, section 5), however TCP has cut them.

Owns what is legal on the wire and what is too much: a size is judged in the header of its frame, before any byte of it
is kept (10.4); text is checked as it streams in (8.1); control frames are short and whole (5.5); a client masks (5.1);
what a close frame may say (7.4). What is refused ends the connection with the code of the RFC, and a reason that names
limit and actual. Refuses to know sockets, time, and what is done about an event.

Nothing of an incomplete frame is copied twice, and an incomplete message takes no more memory than its bytes.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from ..messages.close_codes import CloseCode
from ..messages.frame import encoded

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN, RESERVED, MASKED = 0x80, 0x70, 0x80
CONTROL = (FIN | PONG, FIN | CLOSE, FIN | PING)

# Of a control frame's payload (5.5), and of the reason in a close frame, which follows two bytes of code (5.5.1).
MAX_CONTROL_BYTES = 125
MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2
# Frames of one message.
MAX_FRAGMENTS = 128
# A close frame without a code is told as this one, which is never on the wire (7.4.1).
NO_CODE = 1005
# How many bytes tell the size of a payload where the seven bits say one of these (5.2).
WIDTHS = {126: 2, 127: 8}
# What the registry of RFC 6455, section 11.7, allows on the wire below 3000.
WIRE_CODES = frozenset(range(1000, 1015)) - {1004, 1005, 1006}

Unmask = Callable[[bytes, bytes], bytes]


class Ping(NamedTuple):
    """A ping, which is answered by a pong with the same payload (5.5.2)."""

    payload: bytes


class Pong(NamedTuple):
    """A pong, asked for or not (5.5.3)."""

    payload: bytes


class Close(NamedTuple):
    """The client closes (5.5.1). Nothing follows."""

    code: int
    reason: str


class Failure(NamedTuple):
    """The client has done what is not allowed: the connection is to be failed with this (7.1.7). Nothing follows."""

    code: int
    reason: str


Event = str | bytes | Ping | Pong | Close | Failure


class _Refused(Exception):
    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class _Frame:
    """The frame whose payload is being read: `left` bytes of it are to come, masked with `mask` from there on."""

    __slots__ = ("fin", "left", "mask", "opcode", "payload")

    def __init__(self, opcode: int, fin: bool, left: int, mask: bytes) -> None:
        self.opcode = opcode
        self.fin = fin
        self.left = left
        self.mask = mask
        self.payload = b""  # of a control frame


class _Message:
    """The message whose frames are being read. `size` counts what their headers have announced."""

    __slots__ = ("data", "decoder", "fragments", "size")

    def __init__(self, is_text: bool) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")() if is_text else None
        self.data = bytearray()
        self.size = self.fragments = 0

    def add(self, payload: bytes, final: bool) -> None:
        """Keep some bytes, `final`: the last ones. Raises UnicodeDecodeError as soon as it is no UTF-8."""
        if self.decoder is not None:
            self.decoder.decode(payload, final)
        self.data += payload

    @property
    def content(self) -> str | bytes:
        """The whole of it."""
        return bytes(self.data) if self.decoder is None else self.data.decode()


def xor(data: bytes, mask: bytes) -> bytes:
    """Remove the mask of a payload (5.3)."""
    size = len(data)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


class Parser:
    """Turns what is fed into events, one at a time. Messages are text (str) or binary (bytes).

    A message has at most `max_bytes`. `unmask` removes masks. Once it is `over` there are no more events.
    """

    __slots__ = ("_at", "_data", "_frame", "_message", "_unmask", "max_bytes", "over")

    def __init__(self, max_bytes: int, unmask: Unmask = xor) -> None:
        self.max_bytes = max_bytes
        self.over = False
        self._unmask = unmask
        self._data = b""
        self._at = 0
        self._frame: _Frame | None = None
        self._message: _Message | None = None

    def feed(self, data: bytes) -> None:
        """Take what has arrived; it is kept until it is asked for. What comes after the end is dropped."""
        if not self.over:
            self._data = self._data[self._at :] + data if self._at < len(self._data) else data
            self._at = 0

    @property
    def unread(self) -> int:
        """How many bytes have been fed and not read."""
        return len(self._data) - self._at

    @property
    def midway(self) -> bool:
        """Whether a frame or a message has begun and is not complete."""
        return self._frame is not None or self._message is not None or self._at < len(self._data)

    def next(self) -> Event | None:
        """Return the next event, or None until more is fed."""
        data, at = self._data, self._at
        if at == len(data):
            return None
        try:
            if self._frame is None and len(data) - at > 6:
                size = data[at + 1] - MASKED  # nearly everybody sends short frames, each as a whole
                end = at + 6 + size
                if 0 < size <= MAX_CONTROL_BYTES and end <= len(data):
                    if (first := data[at]) == FIN | TEXT and self._message is None and size <= self.max_bytes:
                        self._at = end
                        return self._unmask(data[at + 6 : end], data[at + 2 : at + 6]).decode()
                    if first in CONTROL:
                        self._at = end
                        return self._control(first, self._unmask(data[at + 6 : end], data[at + 2 : at + 6]))
            return self._read()
        except _Refused as refused:
            return self._fail(refused.code, str(refused))
        except UnicodeDecodeError as error:
            return self._fail(CloseCode.INVALID_DATA, f"invalid UTF-8: {error.reason}")

    def _fail(self, code: CloseCode, reason: str) -> Failure:
        self._end()
        return Failure(int(code), reason)

    def _end(self) -> None:
        self.over = True
        self._data, self._at, self._frame, self._message = b"", 0, None, None

    def _read(self) -> Event | None:
        """Read on, up to the next event or the end of what is here."""
        while True:
            frame = self._frame
            if frame is None:
                if (frame := self._begin_frame()) is None:
                    return None
                self._frame = frame
            chunk = self._data[self._at : self._at + frame.left]
            self._at += len(chunk)
            frame.left -= len(chunk)
            payload = self._unmask(chunk, frame.mask)
            turned = len(chunk) % 4
            frame.mask = frame.mask[turned:] + frame.mask[:turned]
            ended = frame.left == 0
            if frame.opcode >= CLOSE:
                frame.payload += payload
            else:
                assert self._message is not None
                self._message.add(payload, ended and frame.fin)
            if not ended:
                return None
            self._frame = None
            if (event := self._event(frame)) is not None:
                return event

    def _begin_frame(self) -> _Frame | None:
        """Read and judge a header (5.2); None: not all of it is here."""
        data, at = self._data, self._at
        if len(data) - at < 2:
            return None
        first, second = data[at], data[at + 1]
        opcode = first & 0x0F
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            raise _Refused(CloseCode.PROTOCOL_ERROR, f"opcode {opcode} is none")
        if not second & MASKED:
            raise _Refused(CloseCode.PROTOCOL_ERROR, "a client's frame without a mask")
        size = second & ~MASKED
        start = at + 6 + WIDTHS.get(size, 0)
        if len(data) < start:
            return None
        if size in WIDTHS:
            size = int.from_bytes(data[at + 2 : start - 4], "big")
        self._judge(first, opcode, size)
        self._at = start
        return _Frame(opcode, bool(first & FIN), size, data[start - 4 : start])

    def _judge_size(self, opcode: int, size: int) -> None:
        before = self._message.size if opcode == CONTINUATION and self._message is not None else 0
        if before + size > self.max_bytes:
            least = "at least " if before else ""
            reason = f"message of {least}{before + size} bytes, limit {self.max_bytes}"
            raise _Refused(CloseCode.MESSAGE_TOO_BIG, reason)

    def _judge(self, first: int, opcode: int, size: int) -> None:
        """Refuse a frame that may not come, or not here; begin its message, or go on with it (5.4)."""
        if opcode < CLOSE:
            self._judge_size(opcode, size)
        if first & RESERVED:
            raise _Refused(CloseCode.PROTOCOL_ERROR, "a reserved bit is set, and no extension was negotiated")
        if opcode >= CLOSE:
            if size > MAX_CONTROL_BYTES:
                reason = f"control frame of {size} bytes, limit {MAX_CONTROL_BYTES}"
                raise _Refused(CloseCode.PROTOCOL_ERROR, reason)
            if not first & FIN:
                raise _Refused(CloseCode.PROTOCOL_ERROR, "a fragmented control frame")
            return
        if opcode == CONTINUATION:
            if self._message is None:
                raise _Refused(CloseCode.PROTOCOL_ERROR, "a continuation of no message")
        elif self._message is not None:
            raise _Refused(CloseCode.PROTOCOL_ERROR, "a new message before the end of the last one")
        else:
            self._message = _Message(opcode == TEXT)
        self._message.size += size
        self._message.fragments += 1
        if self._message.fragments > MAX_FRAGMENTS:
            reason = f"message of at least {self._message.fragments} fragments, limit {MAX_FRAGMENTS}"
            raise _Refused(CloseCode.POLICY_VIOLATION, reason)

    def _event(self, frame: _Frame) -> Event | None:
        """What a complete frame says; None: its message goes on."""
        if frame.opcode >= CLOSE:
            return self._control(FIN | frame.opcode, frame.payload)
        if not frame.fin:
            return None
        assert self._message is not None
        content = self._message.content
        self._message = None
        return content

    def _control(self, first: int, payload: bytes) -> Event:
        if first == FIN | PONG:
            return Pong(payload)
        if first == FIN | PING:
            return Ping(payload)
        close = close_of(payload)
        self._end()
        return close


def close_of(payload: bytes) -> Close:
    """Read a close frame (5.5.1, 7.4). One may come in the midst of a message, which is never completed then."""
    if not payload:
        return Close(NO_CODE, "")
    if len(payload) == 1:
        raise _Refused(CloseCode.PROTOCOL_ERROR, "a close frame of 1 byte")
    code, reason = int.from_bytes(payload[:2], "big"), payload[2:].decode()
    if not (code in WIRE_CODES or 3000 <= code < 5000):
        raise _Refused(CloseCode.PROTOCOL_ERROR, f"close code {code} is not for the wire")
    return Close(code, reason)


@lru_cache(maxsize=16)  # everybody is closed with the same one
def close_frame(code: int, reason: str = "") -> bytes:
    """Encode a close frame; NO_CODE says nothing. A reason that is too long is cut where a character begins."""
    if code == NO_CODE:
        return encoded(CLOSE, b"")
    said = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore").encode()
    return encoded(CLOSE, code.to_bytes(2, "big") + said)
