"""The messages of one client that are not answered yet.

Owns the bounded inbox and its worker: a task that exists only while something is waited for, and answers one message
after the other; an answer that waits for nothing is given at once, without a task. Messages are taken ahead, so that a
busy worker never hides a client's close; when the inbox is full, reading pauses, and TCP holds the client back. Refuses
to know what messages mean.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine


class Inbox:
    """At most `limit` messages that wait for `answer`, which is called for one at a time, in order, and awaited.

    `answer` is to be set before the first message is put. `failed` is called where it raises; `has_room`, if it is set,
    when a full inbox is so no more.
    """

    __slots__ = ("_failed", "_limit", "_messages", "_room", "_worker", "answer", "has_room", "received")

    answer: Callable[[str], Awaitable[None] | None]

    def __init__(self, limit: int, failed: Callable[[], None]) -> None:
        self.received = 0
        self._limit = limit
        self._failed = failed
        self._messages: deque[str] | None = None  # seldom needed
        self.has_room: Callable[[], None] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None

    @property
    def idle(self) -> bool:
        """Whether every message is answered."""
        return self._worker is None

    def start(self, first: Coroutine[None, None, None]) -> None:
        """Await `first` before any message is answered. Once, before anything was put."""
        self._worker = asyncio.create_task(self._work(first))

    def put(self, text: str) -> bool:
        """Answer a message, now if that can be, and say whether there is room for another one."""
        self.received += 1
        if self._worker is None:
            try:
                answer = self.answer(text)
            except Exception:
                self._failed()
            else:
                if answer is not None:
                    self._worker = asyncio.create_task(self._work(answer))
            return True
        if self._messages is None:
            self._messages = deque()
        self._messages.append(text)
        return len(self._messages) < self._limit

    async def take(self, text: str) -> None:
        """Put a message into the inbox, once that has room."""
        while self._messages is not None and len(self._messages) >= self._limit:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        self.put(text)

    async def done(self, timeout_s: float | None = None) -> None:
        """Return when every message is answered, or after `timeout_s` seconds."""
        while self._worker is not None:
            finished, _ = await asyncio.wait({self._worker}, timeout=timeout_s)
            if not finished:
                return

    def drop(self) -> None:
        """Drop the messages that wait; the answer that is being made is made."""
        if self._messages is not None:
            self._messages.clear()

    def give_up(self) -> None:
        """Drop the messages that are not answered yet, and the answer that is being made."""
        if self._worker is not None:
            self._worker.cancel()

    async def _work(self, first: Awaitable[None]) -> None:
        try:
            await first
            while self._messages:
                text = self._messages.popleft()
                self._make_room()
                if (answer := self.answer(text)) is not None:
                    await answer
        except Exception:
            self._failed()
        finally:
            self._worker = self._messages = None
            self._make_room()

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
        if self.has_room is not None:
            self.has_room()
