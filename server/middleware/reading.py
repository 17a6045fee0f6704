"""What the client of one handler says.

Owns the reading ahead: while the handler is busy, messages wait in a bounded inbox, so that a close is seen and
answered meanwhile, and everything that has arrived can be handed over before a close of ours. It begins only where a
handler is still busy a moment after it was handed a message: most are not, and need no second task. Handlers that have
messages without end give way to everything else: a server's `receive` does not pause while messages wait (measured on
uvicorn: with more of them than a core can pass on, a turn of the event loop took 56 s, and now 0.4 s). Refuses to know
what is sent.
"""

from __future__ import annotations

import asyncio
from collections import deque

from ..connections.asgi import Message, Receive

# Of a close frame without a code, and of a close that no frame announced (RFC 6455, 7.1.5).
NO_CODE, ABNORMAL = 1005, 1006
# Seconds after which a handler counts as busy. One timer is for all of them.
BUSY_S = 0.05
# Seconds after which handlers that ask for a message wait for the next turn of the event loop, once.
TURN_S = 0.01


class Busy:
    """The handlers that were handed a message lately, all of an application's."""

    def __init__(self) -> None:
        self._lately: list[Reading] = []
        self._gives_way = False
        self._may_take_until = 0.0

    def takes_long(self) -> bool:
        """Whether they have to give way now, until the next turn of the event loop."""
        loop = asyncio.get_running_loop()
        if not self._gives_way and loop.time() > self._may_take_until:
            self._gives_way = True
            loop.call_soon(self._go_on)
        return self._gives_way

    def _go_on(self) -> None:
        self._gives_way = False
        self._may_take_until = asyncio.get_running_loop().time() + TURN_S

    def note(self, reading: Reading) -> None:
        """Have it read ahead in a moment, if its handler is busy then."""
        if not self._lately:
            asyncio.get_running_loop().call_later(BUSY_S, self._look)
        self._lately.append(reading)

    def _look(self) -> None:
        lately, self._lately = self._lately, []
        for each in lately:
            each.noted = False
            if not each.ended:
                each.begin()


class Reading:
    """Hands over what `receive` of the server gives. Once we close, the application is told our `close_code`."""

    __slots__ = (
        "_ahead",
        "_busy",
        "_in_hand",
        "_inbox",
        "_limit",
        "_moved",
        "_receive",
        "_waiting",
        "close_code",
        "ended",
        "gone",
        "noted",
        "received",
    )

    def __init__(self, receive: Receive, limit: int, busy: Busy) -> None:
        self.received = 0
        self.close_code: int | None = None
        self.gone = False
        self.ended = False  # the handler has ended, or has closed: what its client says is dropped
        self.noted = False  # by `busy`
        self._receive = receive
        self._limit = limit
        self._busy = busy
        self._waiting = self._in_hand = False
        self._inbox: deque[Message] | None = None  # these three are seldom needed
        self._ahead: asyncio.Task[None] | None = None
        self._moved: asyncio.Event | None = None

    @property
    def idle(self) -> bool:
        """Whether every message that was read is answered: the handler asks for another one."""
        return not self._inbox and not self._in_hand

    async def next(self) -> Message:
        """Hand over the next message: from the inbox, or, while nothing is read ahead, from the server."""
        if self._busy.takes_long():
            await asyncio.sleep(0)
        if self._in_hand:
            self._in_hand = False
            self.stir()
        if self._ahead is None:
            self._waiting = True
            try:
                message = self._note(await self._receive())
            finally:
                self._waiting = False
            if not self.noted:
                self.noted = True
                self._busy.note(self)
        else:
            while not self._inbox:
                if self._ahead.done():
                    return {
                        "type": "websocket.disconnect",
                        "code": ABNORMAL if self.close_code is None else self.close_code,
                    }
                await self.wait()
            message = self._inbox.popleft()
            self.stir()
        self._in_hand = message["type"] == "websocket.receive"
        return message

    async def wait(self) -> None:
        """Wait until something changes, here or with whoever calls `stir`."""
        if self._moved is None:
            self._moved = asyncio.Event()
        self._moved.clear()
        await self._moved.wait()

    def stir(self) -> None:
        """Something has changed."""
        if self._moved is not None:
            self._moved.set()

    def begin(self) -> None:
        """Begin to read ahead, unless the handler itself waits for the next message."""
        if not self._waiting and self._ahead is None and not self.gone:
            self._inbox = deque()
            self._ahead = asyncio.create_task(self._read(self._inbox))

    def end(self) -> None:
        """The handler has ended, or has closed."""
        self.ended = True
        self.stir()

    def stop(self) -> None:
        """Read no more."""
        if self._ahead is not None:
            self._ahead.cancel()

    async def _read(self, inbox: deque[Message]) -> None:
        while not self.gone:
            while len(inbox) >= self._limit and not self.ended:
                await self.wait()
            message = self._note(await self._receive())
            if not self.ended or message["type"] == "websocket.disconnect":
                inbox.append(message)
            self.stir()

    def _note(self, message: Message) -> Message:
        if message["type"] == "websocket.disconnect":
            self.gone = True
            message["code"] = message.get("code", NO_CODE) if self.close_code is None else self.close_code
        else:
            self.received += 1
        return message
