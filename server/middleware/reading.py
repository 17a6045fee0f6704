"""What the client of one handler says.

Owns the reading ahead: while the handler is busy, messages wait in a bounded inbox, so that a close is seen and
answered meanwhile, and everything that has arrived can be handed over before a close of ours. It begins only where a
handler is busy when its client says more: most are not, and need no second task. Refuses to know what is sent.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from ..connections.asgi import Message, Receive

# Of a close that no frame announced (RFC 6455, 7.1.5).
ABNORMAL = 1006


class Reading:
    """Hands over what `receive` of the server gives. `code(theirs)` is the close code that the application is told.

    `moved` is set whenever something has changed, here or by whoever shares it.
    """

    def __init__(self, receive: Receive, limit: int, code: Callable[[int], int]) -> None:
        self.moved = asyncio.Event()
        self.received = 0
        self.gone = False
        self.ended = False  # the handler has ended, or has closed: what its client says is dropped
        self._receive = receive
        self._limit = limit
        self._code = code
        self._inbox: deque[Message] = deque()
        self._waiting = self._in_hand = False
        self._ahead: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def idle(self) -> bool:
        """Whether every message that was read is answered: the handler asks for another one."""
        return not self._inbox and not self._in_hand

    async def next(self) -> Message:
        """Hand over the next message: from the inbox, or, while nothing is read ahead, from the server."""
        self._in_hand = False
        self.moved.set()
        while self._ahead is not None and not self._inbox:
            if self._ahead.done():
                return {"type": "websocket.disconnect", "code": self._code(ABNORMAL)}
            await self.wait()
        if self._inbox:
            message = self._inbox.popleft()
            self.moved.set()
        else:
            self._waiting = True
            try:
                message = self._note(await self._receive())
            finally:
                self._waiting = False
            self._loop.call_soon(self.begin)
        self._in_hand = message["type"] == "websocket.receive"
        return message

    async def wait(self) -> None:
        """Wait until something changes."""
        self.moved.clear()
        await self.moved.wait()

    def begin(self) -> None:
        """Begin to read ahead, unless the handler itself waits for the next message."""
        if not self._waiting and self._ahead is None and not self.gone:
            self._ahead = self._loop.create_task(self._read())

    def stop(self) -> None:
        """Read no more."""
        if self._ahead is not None:
            self._ahead.cancel()

    async def _read(self) -> None:
        while not self.gone:
            while len(self._inbox) >= self._limit and not self.ended:
                await self.wait()
            message = self._note(await self._receive())
            if not self.ended or message["type"] == "websocket.disconnect":
                self._inbox.append(message)
            self.moved.set()

    def _note(self, message: Message) -> Message:
        if message["type"] == "websocket.disconnect":
            self.gone = True
            message["code"] = self._code(message.get("code", 1005))
        elif message["type"] == "websocket.receive":
            self.received += 1
        return message
