"""Messages that have arrived and that the user has not taken yet.

Owns the bound. When `limit` messages wait the client stops reading, so that the server keeps the rest, in a replay for
as long as it takes, else until it calls the client a slow consumer. While a publish waits for its acknowledgement the
client reads on, for the acknowledgement is behind the messages: a user that publishes in answer to a message does not
wait for itself. At ten times the limit that ends, too, and the client with it.
"""

from __future__ import annotations

import asyncio
from collections import deque

from .errors import ClientEnded
from .wire import Message

HARD = 10


class Inbox:
    """A queue of messages with one reader."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._messages: deque[Message] = deque()
        self._change = asyncio.Event()
        self._error: BaseException | None = None
        self._over = False
        self._urgent = 0

    def put(self, message: Message) -> None:
        """Add a message. Raises ClientEnded at ten times the limit."""
        if len(self._messages) >= HARD * self._limit:
            raise ClientEnded(f"inbox full: {len(self._messages)} of {HARD * self._limit} messages (slow reader)")
        self._messages.append(message)
        self._changed()

    async def get(self) -> Message | None:
        """Wait for the next message; None when the client was closed. Raises what ended the client, after the last."""
        while not self._messages and not self._over:
            await self._change.wait()
        if not self._messages:
            if self._error is not None:
                raise self._error
            return None
        message = self._messages.popleft()
        self._changed()
        return message

    async def room(self) -> None:
        """Wait until another message may be read from a connection."""
        while len(self._messages) >= self._limit and not self._urgent and not self._over:
            await self._change.wait()

    def hurry(self, publishes: int) -> None:
        """Say how many publishes wait for their acknowledgement."""
        self._urgent = publishes
        self._changed()

    def end(self, error: BaseException | None) -> None:
        """No message will follow."""
        self._error, self._over = error, True
        self._changed()

    def _changed(self) -> None:
        """Wake those that wait, once; what changes later has an event of its own."""
        self._change.set()
        self._change = asyncio.Event()
