"""The messages of one client that are not answered yet.

Owns the bounded inbox and its worker: a task that exists only while there is work, and answers one message after
the other. Messages are taken ahead, so that a busy worker never hides a client's close; when the inbox is full,
`take` waits, reading pauses, and TCP holds the client back. Refuses to know what messages mean.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine


class Inbox:
    """At most `limit` messages that wait for `answer`, which is awaited for one at a time, in order.

    `answer` is to be set before the first message is taken. `failed` is called where it raises.
    """

    __slots__ = ("_failed", "_limit", "_messages", "_room", "_worker", "answer", "received")

    answer: Callable[[str], Awaitable[None]]

    def __init__(self, limit: int, failed: Callable[[], None]) -> None:
        self.received = 0
        self._limit = limit
        self._failed = failed
        self._messages: deque[str] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether every message is answered."""
        return self._worker is None

    def start(self, first: Coroutine[None, None, None]) -> None:
        """Await `first` before any message is answered. Once, before anything was taken."""
        self._worker = asyncio.create_task(self._work(first))

    async def take(self, text: str) -> None:
        """Put a message into the inbox, and wait while that is full."""
        while len(self._messages) >= self._limit and not self.idle:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        self.received += 1
        self._messages.append(text)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())

    async def done(self, timeout_s: float | None = None) -> None:
        """Return when every message is answered, or after `timeout_s` seconds."""
        while self._worker is not None:
            finished, _ = await asyncio.wait({self._worker}, timeout=timeout_s)
            if not finished:
                return

    def give_up(self) -> None:
        """Drop the messages that are not answered yet, and the answer that is being made."""
        if self._worker is not None:
            self._worker.cancel()

    async def _work(self, first: Coroutine[None, None, None] | None = None) -> None:
        try:
            if first is not None:
                await first
            while self._messages:
                text = self._messages.popleft()
                self._make_room()
                await self.answer(text)
        except Exception:
            self._messages.clear()
            self._failed()
        finally:
            self._worker = None
            self._make_room()

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
