"""The broker of one process: `memory://`.

Owns the one sequence of this process and its epoch, a name for this run of the sequence. Messages reach only the
clients of this process.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from server.core.wire import Message

Deliver = Callable[[Message, int | None], None]


class MemoryBroker:
    """Numbers messages and hands each one straight to its subscriber."""

    def __init__(self) -> None:
        self.epoch = uuid.uuid4().hex
        self.seq = 0
        self._deliver: Deliver = lambda _message, _origin: None

    def subscribe(self, deliver: Deliver) -> None:
        """Name who is called for each message, in order, with the connection that it came from."""
        self._deliver = deliver

    async def publish(
        self,
        *,
        data: Any,
        room: str | None,
        sender: str | None,
        named: bool,
        origin: int | None,
        at: datetime,
    ) -> Message:
        """Give a message its number and deliver it. Returns it as it was sent."""
        self.seq += 1
        message = Message(seq=self.seq, room=room, sender=sender, data=data, at=at, named=named)
        self._deliver(message, origin)
        return message
