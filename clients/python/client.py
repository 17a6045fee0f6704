"""A client, as a program uses it: its messages, its publishes, its rooms, and what it is told of a drain.

Owns what the user waits for. Refuses to know connections (`performer`) and to decide anything (`machine`).
"""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from . import wire
from .errors import CannotConnect, ClientEnded, NotPublished
from .events import Deliver, Effect, End, Lose, Notify, Published, Refuse, Renew, Status
from .inbox import Inbox
from .machine import Machine
from .performer import Performer
from .tokens import Token, Tokens

INBOX_MESSAGES = 1000
MOST_PUBLISHES = 1000  # that wait for their acknowledgement; more wait for their turn

log = logging.getLogger(__name__)


class Client:
    """A client that is somewhere, or on its way. Iterate over it to get its messages, once each and in order.

    Made by `connect`, which says what the arguments are. `name`: under which it is known to others. `status`: what
    happened to its connection last. `moves`: how often it moved without being cut.
    """

    def __init__(
        self,
        urls: Sequence[str],
        name: str,
        rooms: Iterable[str],
        token: Token,
        on_message: Callable[[wire.Message], None] | None,
        on_gap: Callable[[wire.Gap], None] | None,
        on_status: Callable[[Status], None] | None,
        settings: Mapping[str, Any],
    ) -> None:
        self.name = name
        self.status: Status | None = None
        self.moves = 0
        self._tokens = Tokens(token)
        self._renewing: asyncio.Task[None] | None = None
        self._on_gap = on_gap
        self._on_status = on_status
        self._inbox = Inbox(INBOX_MESSAGES)
        self._on_message = on_message or self._inbox.put
        # Each client has an order of its own, or all that are cut from one place would come to the next one together.
        order = random.sample(range(len(urls)), len(urls))
        self._machine = Machine(order, rooms, random.random, self._tokens.renews)
        self._performer = Performer(self._machine, urls, self._headers, settings, self._inbox.room, self._do)
        self._loop = asyncio.get_running_loop()
        self._acks: dict[str, asyncio.Future[int]] = {}
        self._room_to_publish = asyncio.Semaphore(MOST_PUBLISHES)
        self._draining: asyncio.Future[wire.Draining] = self._loop.create_future()
        self._arrived: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[Exception | None] = self._loop.create_future()

    @property
    def connected(self) -> bool:
        """Whether it has a connection."""
        return self._machine.current is not None

    @property
    def draining(self) -> asyncio.Future[wire.Draining]:
        """The next notice that the server drains, or the present one until the client has moved. May be cancelled."""
        return asyncio.shield(self._draining)

    def __aiter__(self) -> AsyncIterator[wire.Message]:
        """Every message that is for this client. Ends when it is closed; raises ClientEnded when it has ended."""
        return self._messages()

    async def publish(self, data: Any, *, room: str | None = None, id: str | None = None) -> int:
        """Send `data` (anything JSON can hold) to everyone else, or to everyone else in `room`; return its number.

        Waits for the acknowledgement; where the connection is cut before, it is repeated on the next one and published
        once. `id`: 1 to 200 characters, names this publish among those of this client's name for ten minutes.
        Raises NotPublished when the server did not carry it out, ClientEnded when there is no connection any more,
        ValueError for a room, an id or a text that the server would not take, TypeError for what JSON cannot hold.
        """
        async with self._room_to_publish:
            if self._ended.done():
                raise self._ended.result() or closed()
            id = id or uuid.uuid4().hex
            effects = self._machine.publish(id, data, room)
            acknowledged: asyncio.Future[int] = self._loop.create_future()
            self._acks[id] = acknowledged
            self._inbox.hurry(len(self._acks))
            self._performer.perform(effects)
            try:
                return await acknowledged
            finally:
                self._machine.forget(id)
                del self._acks[id]
                self._inbox.hurry(len(self._acks))

    def join(self, room: str) -> None:
        """Get the messages of a room from now on. Raises ValueError for a bad name, or more than 100 rooms."""
        self._performer.perform(self._machine.join(room))

    def leave(self, room: str) -> None:
        """Get the messages of a room no more."""
        self._performer.perform(self._machine.leave(room))

    async def until_ended(self) -> None:
        """Wait until it is closed. Raises ClientEnded when it has ended by itself."""
        error = await asyncio.shield(self._ended)
        if error is not None:
            raise error

    async def open(self, timeout_s: float) -> None:
        """Wait for the first connection: `connect` does. Raises CannotConnect."""
        self._performer.perform()
        first: set[asyncio.Future[Any]] = {self._arrived, self._ended}
        await asyncio.wait(first, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if not self._arrived.done() and self._ended.done():
            raise CannotConnect(str(self._ended.result()))
        if not self._arrived.done():
            reason = self.status.reason if self.status is not None else "no answer"
            raise CannotConnect(f"not connected within {timeout_s:g} s: {reason}")

    async def close(self) -> None:
        """Leave, with a full closing handshake."""
        self._performer.perform(self._machine.close())
        self._end(None)
        await self._performer.until_left()

    # ---- What the machine wants done ----

    def _do(self, effect: Effect) -> None:
        match effect:
            case Deliver(message):
                self._call(self._on_message, message)
            case Published(id, seq):
                self._settle(id, seq)
            case Refuse(id, code, detail) if id is not None:
                self._settle(id, NotPublished(id, code, detail))
            case Refuse(_, code, detail):
                log.warning("%s: %s: %s", self.name, code, detail)
            case Lose(gap):
                log.warning("%s: messages after %d are lost; the log goes on with %d", self.name, gap.after, gap.next)
                self._call(self._on_gap, gap)
            case Notify(notice):
                if not self._draining.done():
                    self._draining.set_result(notice)
            case Status():
                self._note(effect)
            case Renew(number, within_s):
                self._stop_renewing()
                self._renewing = asyncio.create_task(self._renew(number, within_s))
            case End(ending):
                self._end(ClientEnded(ending.reason, ending.code))

    def _note(self, status: Status) -> None:
        self.status = status
        if status.what in ("connected", "moved"):
            self.moves += status.what == "moved"
            if not self._arrived.done():
                self._arrived.set_result(None)
            if self._draining.done():
                self._draining = self._loop.create_future()
        self._call(self._on_status, status)

    def _call(self, user: Callable[[Any], None] | None, with_what: Any) -> None:
        """Call something of the user's, if it is there; what it raises ends the client."""
        try:
            if user is not None:
                user(with_what)
        except Exception as error:
            self._performer.perform(self._machine.close())
            self._end(error)

    def _settle(self, id: str, result: int | Exception) -> None:
        acknowledged = self._acks.get(id)
        if acknowledged is None or acknowledged.done():
            return
        if isinstance(result, int):
            acknowledged.set_result(result)
        else:
            acknowledged.set_exception(result)

    def _end(self, error: Exception | None) -> None:
        """No connection will follow: whoever waits for something of this client hears of it."""
        if self._ended.done():
            return
        self._ended.set_result(error)
        self._stop_renewing()
        self._inbox.end(error)
        for id in list(self._acks):
            self._settle(id, error or closed())

    async def _messages(self) -> AsyncIterator[wire.Message]:
        while (message := await self._inbox.get()) is not None:
            yield message

    async def _headers(self) -> Mapping[str, str]:
        token = await self._tokens.get()
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    async def _renew(self, number: int, within_s: float) -> None:
        token = await self._tokens.another(within_s)
        if token is not None:
            self._performer.perform(self._machine.renew(number, token))

    def _stop_renewing(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()


def closed() -> ClientEnded:
    """What somebody hears who wants something of a client that was closed."""
    return ClientEnded("the client was closed")
