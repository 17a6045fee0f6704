"""What is published, and what was published lately: the last messages of the log, for clients that resume.

Owns what brokers store and hand on; how a message is encoded, once for each form (plain text, envelope), however many
clients read it; and the bound of the history, in messages and in bytes. It has no hole. Refuses to know clients and
brokers: a client that resumes is sent what was for it (see `hub`).
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from .frame import Frame
from .wire import Envelope, Form, looks_official


class Post(BaseModel):
    """What is published: for one client (`to`, its name), for a room, or for everyone; never for its sender.

    `named`: the sender chose its own name (`/ws/{client_id}`), which plain clients then read before its text, and by
    which it is left out wherever it is connected. `origin` is the process and the connection that it came from. `key`:
    whatever has the same one is applied once.
    """

    model_config = ConfigDict(frozen=True)

    data: Any
    at: datetime
    room: str | None = None
    to: str | None = None
    sender: str | None = None
    named: bool = False
    origin: tuple[str, int] | None = None
    key: str | None = None


class Message(NamedTuple):
    """A post that has its place in the log. Numbers begin with 1."""

    seq: int
    post: Post

    def encode(self, form: Form) -> Frame:
        """Encode for all clients of one form: the whole envelope, or text as it is and other data as JSON text.

        A text that could be taken for the server's own word is quoted, as a JSON string.
        """
        post = self.post
        if form is Form.ENVELOPE:
            envelope = Envelope(seq=self.seq, room=post.room, sender=post.sender, data=post.data, at=post.at)
            return envelope.frame()
        text = post.data if isinstance(post.data, str) else json.dumps(post.data, ensure_ascii=False)
        if post.named:
            return Frame.of(f"Client {post.sender}: {text}")
        return Frame.of(json.dumps(text, ensure_ascii=False) if looks_official(text) else text)


class StoredMessage(NamedTuple):
    """One message: its number, whom it was for, its sender (None unless named), and the envelope."""

    seq: int
    room: str | None
    to: str | None
    sender: str | None
    frame: Frame


class History:
    """The last messages, at most `limit` and at most `limit_bytes` of frames. `last` is the newest number, or 0."""

    def __init__(self, limit: int, limit_bytes: int) -> None:
        self.last = 0
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._kept: deque[StoredMessage] = deque()

    def add(self, stored: StoredMessage) -> None:
        """Keep one more. Raises ValueError for a number that is not the next one."""
        if stored.seq != self.last + 1:
            raise ValueError(f"number {stored.seq} after {self.last}")
        self.last = stored.seq
        self._kept.append(stored)
        self._bytes += stored.frame.size
        while len(self._kept) > self._limit or self._bytes > self._limit_bytes:
            self._bytes -= self._kept.popleft().frame.size

    def begin_after(self, number: int) -> None:
        """Forget everything: the next message is `number` + 1."""
        self._kept.clear()
        self._bytes = 0
        self.last = number

    def reaches(self, number: int) -> bool:
        """Whether everything after `number` is here."""
        return self.last - len(self._kept) <= number <= self.last

    def after(self, number: int, limit_bytes: int | None = None) -> Sequence[StoredMessage]:
        """List what came after `number`, oldest first; stop at `limit_bytes` of frames, or over. Where it `reaches`."""
        found: list[StoredMessage] = []
        size = 0
        for stored in islice(self._kept, len(self._kept) - (self.last - number), None):
            if limit_bytes is not None and size >= limit_bytes:
                break
            found.append(stored)
            size += stored.frame.size
        return found
