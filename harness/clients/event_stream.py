"""How an event stream is read: bytes in, events out, and whether what came last was the end of one.

Owns the lines and fields of an event stream, and which event is the drain notice. Refuses to know HTTP, connections,
time and verdicts. Pure. Source: HTML, *Server-sent events*, §9.2.5 and §9.2.6.

Rules. A notice is an event of its own, between two others. Where it was put into the middle of another event, both of
them are spoilt: it counts as a notice that is *torn*.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import NamedTuple

from .dialects import Notice, read_json

DRAINING = "draining"
TORN = f"event: {DRAINING}"
LINE = re.compile(r"([^\r\n]*)(?:\r\n|\n|\r)")

ReadNotice = Callable[[str], Notice | None]


class StreamEvent(NamedTuple):
    """One event: the fields `event` that it had, and its lines of data."""

    names: tuple[str, ...]
    data: tuple[str, ...]


class StreamNotice(NamedTuple):
    """A drain notice in an event stream; `torn`: in the middle of another event."""

    notice: Notice
    torn: bool


class EventReader:
    """Reads one event stream."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._rest = ""
        self._after_cr = False
        self._names: list[str] = []
        self._data: list[str] = []
        self._begun = False

    @property
    def between(self) -> bool:
        """Whether what came last was the end of an event, or a comment."""
        return not self._begun and not self._rest

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Read what has come; return the events that are complete with it."""
        text = self._decoder.decode(data)
        if self._after_cr:
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r")
        self._rest += text
        events, at = [], 0
        for found in LINE.finditer(self._rest):
            at = found.end()
            if found[1]:
                self._read(found[1])
            elif self._begun:
                events.append(StreamEvent(tuple(self._names), tuple(self._data)))
                self._names, self._data, self._begun = [], [], False
        self._rest = self._rest[at:]
        return events

    def _read(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._names.append(value)
        elif name == "data":
            self._data.append(value)
        self._begun = self._begun or name != ""


def notice_in(event: StreamEvent, read: ReadNotice) -> StreamNotice | None:
    """The notice in an event: `event: draining`, or data that `read` knows as one; None where there is none."""
    text = "\n".join(event.data)
    if (notice := read(text)) is not None:
        return StreamNotice(notice, torn=len(event.names) > 1)
    if DRAINING in event.names:
        return StreamNotice(_told_in(text), torn=len(event.names) > 1)
    of_lines = [notice for line in event.data if (notice := read(line)) is not None]
    if of_lines or any(line.endswith(TORN) for line in event.data):
        return StreamNotice(of_lines[0] if of_lines else Notice(None, None), torn=True)
    return None


def _told_in(text: str) -> Notice:
    said = read_json(text)
    left_s, moment_s = said.get("deadline_s"), said.get("reconnect_after_s")
    return Notice(
        left_s if isinstance(left_s, int | float) else None, moment_s if isinstance(moment_s, int | float) else None
    )
