"""Where an event of an event stream ends, and how one of ours looks. Pure.

Source: the HTML standard, 9.2.5, "Parsing an event stream": an event ends with an empty line, and a line with CR LF,
LF or CR.
"""

from __future__ import annotations

from collections.abc import Iterable

_ENDS = (b"\n\n", b"\n\r\n", b"\r\r")
_LONGEST = 3


def is_event_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a response with these headers is one that an event may be added to: it is not compressed, nor sized."""
    of = {name.lower(): value for name, value in headers}
    kind = of.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return kind == b"text/event-stream" and not {b"content-encoding", b"content-length"} & of.keys()


def accepts_events(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a request asks for an event stream."""
    return any(name == b"accept" and b"text/event-stream" in value.lower() for name, value in headers)


def event(word: str | bytes) -> bytes:
    """Encode what a client is told as the data of a `draining` event; bytes are the whole event already."""
    if isinstance(word, bytes):
        return word
    return b"".join([b"event: draining\n", *(b"data: %s\n" % line.encode() for line in word.splitlines()), b"\n"])


class Place:
    """Where a stream stands: between two events, or in the middle of one."""

    __slots__ = ("_tail", "between")

    def __init__(self) -> None:
        self.between = True
        self._tail = b""

    def pass_by(self, part: bytes) -> int | None:
        """Note what is sent; return where in `part` the last event ends, 0 to its length, None for nowhere."""
        if not part:
            return 0 if self.between else None
        text = self._tail + part
        end = max(text.rfind(end) + len(end) if end in text else 0 for end in _ENDS) - len(self._tail)
        self._tail = text[1 - _LONGEST :]
        place = end if end > 0 else 0 if self.between else None
        self.between = end == len(part)
        return place
