"""What is published, and its place in the log.

Owns what brokers keep and hand on, and how a message is encoded: once for each form (plain text, envelope), however
many clients read it. Refuses to know brokers and who reads it.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from .frame import Frame
from .wire import Envelope, Form


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
        """Encode for all clients of one form: the whole envelope, or text as it is and other data as JSON text."""
        post = self.post
        if form is Form.ENVELOPE:
            envelope = Envelope(seq=self.seq, room=post.room, sender=post.sender, data=post.data, at=post.at)
            return envelope.frame()
        text = post.data if isinstance(post.data, str) else json.dumps(post.data, ensure_ascii=False)
        return Frame.of(f"Client {post.sender}: {text}" if post.named else text)
