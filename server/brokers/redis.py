"""The broker of many processes and hosts: a Redis (6.2 or newer) or Valkey of the user's own.

Owns the reading of the log: every message is delivered once and in order, from the position of this process on,
whatever the server does meanwhile; and the knowledge whether the server answers. A process holds at most six
connections, one that reads, one that publishes and four for the store, and one for each stream that it follows.

Rules: a server that is silent for longer than it may (1.3 s) is away, as is one that closes the connection. When it is
back, the log is looked at first: the same log goes on from our position; another one is delivered from its beginning,
after `lost`. Each second without a message it is looked at as well. An answer that does not come in time although the
server is there is a large one: it is read again, entry by entry, with twice the patience, up to 4 s. An entry that
cannot be read in that time either is skipped, and is a loss.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from ..messages.history import Message, Post
from .broker import BrokerUnavailable, Deliver, Lost, Store
from .embedded import EmbeddedValkey
from .keys import KEYS_PER_NAME
from .redis_connection import Address, RedisConnection, pauses
from .redis_log import LOG, Entry, Known, entry_of, find_next, look, number_of, post_of, reply_of
from .redis_publisher import Publisher
from .redis_store import ValkeyStore

logger = logging.getLogger("ebb")

T = TypeVar("T")

BLOCK_S = 1.0  # for which the server waits for a message
SILENCE_S = 0.25  # for which its answer may be late
LONGEST_SILENCE_S = 4.0  # the same for a large entry
SLICE = 100  # messages that are delivered before the event loop has its turn
WAITING_S = 10.0  # between two lines about a broker that is not there yet


class ValkeyBroker:
    """`redis://`, `rediss://` or `unix://`. `history`: how many messages the log keeps for a resume, 1 or more."""

    shared = True

    def __init__(self, url: str, history: int, keys_per_name: int = KEYS_PER_NAME) -> None:
        address = Address(url)
        self.name = address.name
        self.epoch = ""
        self.available = False
        self._store = ValkeyStore(address)
        self.store: Store = self._store
        self._history = history
        self._known = Known()
        self._silence_s = SILENCE_S
        self._connection = RedisConnection(address)
        self._publisher = Publisher(address, self._known, history, keys_per_name)
        self._reading: asyncio.Task[None] | None = None
        self._deliver: Deliver = lambda _message: None
        self._lost: Lost = lambda _after: None

    def subscribe(self, deliver: Deliver, lost: Lost) -> None:
        """Set what is called for each message, and when the log is another one."""
        self._deliver, self._lost = deliver, lost

    async def start(self) -> None:
        """Wait for the broker, however long that takes, and deliver what its log holds."""
        next_line_at = time.monotonic()

        def say(what: str) -> None:
            nonlocal next_line_at
            if time.monotonic() >= next_line_at:
                logger.warning("waiting for the broker at %s: %s", self.name, what)
                next_line_at = time.monotonic() + WAITING_S

        await self._reach(say)
        self._reading = asyncio.create_task(self._read_on())

    async def publish(self, post: Post) -> int:
        """Put a post into the log and return its number. Raises BrokerUnavailable within a second."""
        if not self.available:
            raise BrokerUnavailable("the broker is away")
        return await self._publisher.publish(post)

    async def close(self) -> None:
        """Stop delivering, and disconnect."""
        self.available = False
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._publisher.close()
        await self._store.close()
        await self._connection.close()

    async def away(self, pause_s: float) -> None:
        """Let `pause_s` seconds pass before the next attempt to reach the broker."""
        await asyncio.sleep(pause_s)

    async def _read_on(self) -> None:
        """Deliver what comes, until cancelled."""
        while True:
            try:
                while True:
                    if not await self._read(BLOCK_S):
                        await self._look()
            except BrokerUnavailable as error:
                self.available = False
                logger.warning("the broker at %s is away: %s", self.name, error)
            since = time.monotonic()
            await self._reach(lambda _what: None)
            away_s, number = time.monotonic() - since, self._known.read
            logger.info("the broker at %s is back after %.1f s, at message %d", self.name, away_s, number)

    async def _reach(self, say: Callable[[str], None]) -> None:
        """Find the log, however long that takes, and deliver what it holds beyond our position."""
        for pause_s in pauses():
            try:
                upto = await self._look(proves=True)
                self.available = True
                await self._catch_up(upto)
                return
            except BrokerUnavailable as error:
                self.available = False
                say(str(error))
            await self.away(pause_s)

    async def _catch_up(self, upto: int) -> None:
        """Deliver what the log holds up to a number. Raises BrokerUnavailable, and has more patience the next time."""
        try:
            while await self._read(0) and self._known.read < upto:
                pass
        except BrokerUnavailable:
            if self._silence_s >= LONGEST_SILENCE_S:
                await self._skip()
            self._silence_s = min(2 * self._silence_s, LONGEST_SILENCE_S)
            raise
        self._silence_s = SILENCE_S

    async def _skip(self) -> None:
        """Leave out the next entry, which cannot be read, and say so. Raises BrokerUnavailable."""
        if (at := await self._connection.ask(*find_next(self._known))) is None:
            return
        known, number = self._known, number_of(at.decode())
        known.highest, known.at, known.text = max(known.highest, number), at.decode(), b""
        within_s = LONGEST_SILENCE_S
        logger.error("entry %s of the log of %s cannot be read within %g s, and is lost", known.at, self.name, within_s)
        self._tell("the loss", self._lost, number)

    async def _look(self, proves: bool = False) -> int:
        """See whether the log is the one that we know, and return its last number. Raises BrokerUnavailable.

        `proves`: also where nothing can be written.
        """
        known = self._known
        reply = reply_of(await self._connection.ask(*look(known, self._history, proves)))
        if reply.epoch != known.epoch:
            another = known.epoch != ""
            before = 0 if another else max(0, reply.seq - self._history)
            self.epoch = known.epoch = reply.epoch
            known.highest, known.at, known.text = before, f"{before}-0", b""
            if another:
                logger.warning("the broker at %s has lost its log, and has begun another one", self.name)
                self._tell("the loss", self._lost, 0)
        return reply.seq

    async def _read(self, block_s: float) -> bool:
        """Deliver the next messages; was there any? Raises BrokerUnavailable."""
        block = ("BLOCK", round(block_s * 1000)) if block_s else ()
        count = SLICE if self._silence_s == SILENCE_S else 1
        command = ("XREAD", "COUNT", count, *block, "STREAMS", LOG, self._known.at)
        answer = await self._connection.ask(*command, within_s=block_s + self._silence_s)
        for at, fields in answer[0][1] if answer else ():
            entry = entry_of(at, fields)
            if entry.epoch != self.epoch:
                epoch = self.epoch
                await self._look()
                if self.epoch != epoch:
                    break
            self._take(entry)
        return bool(answer)

    def _take(self, entry: Entry) -> None:
        known = self._known
        known.highest, known.at, known.text = max(known.highest, entry.seq), entry.at, entry.text
        try:
            message = Message(entry.seq, post_of(entry))
        except ValueError:
            logger.error("entry %s of the log of %s is not ours, and is left out", entry.at, self.name)
            return
        self._tell(f"message {entry.seq}", self._deliver, message)

    @staticmethod
    def _tell(what: str, whom: Callable[[T], None], about: T) -> None:
        """A subscriber that fails with one message must still get the others."""
        try:
            whom(about)
        except Exception:
            logger.exception("%s could not be delivered", what)


class EmbeddedBroker(ValkeyBroker):
    """`embedded://`: brings its own server. Only this process reads it; it keeps its state as the shared ones do."""

    shared = False

    def __init__(self, history: int, keys_per_name: int = KEYS_PER_NAME) -> None:
        self.valkey = EmbeddedValkey()
        self._server = contextlib.AsyncExitStack()
        super().__init__(self.valkey.url, history, keys_per_name)

    async def start(self) -> None:
        """Start the server, and begin to deliver. Raises EmbeddedFailed."""
        await self._server.enter_async_context(self.valkey.kept())
        try:
            await super().start()
        except BaseException:
            await self._server.aclose()
            raise

    async def close(self) -> None:
        """Stop delivering, and end the server."""
        await super().close()
        await self._server.aclose()
