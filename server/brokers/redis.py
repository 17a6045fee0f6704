"""The broker of many processes and hosts: a Redis (6.2 or newer) or Valkey of the user's own.

Owns the reading of the log: every message is delivered once and in order, from the position of this process on,
whatever the server does meanwhile; and the knowledge whether the server answers. A process holds at most seven
connections, one that reads, one that publishes, one that asks how far the log is, four for the store, and one for each
stream that it follows.

Rules: a server that is silent for longer than it may (1.3 s) is away, as is one that closes the connection. When it is
back, the log is looked at first: the same log goes on from our position; another one is delivered from its beginning,
after `lost`. Each second without a message it is looked at as well. One read is 1 MB at most, of what we write. An
answer that does not come in time although the server is there is a large one, or the way is slow: it is read again in
pages of that size, and then entry by entry, with twice the patience, up to 4 s. An entry of more than 1 MB, or one that
cannot be read in that time either, is skipped, and is a loss. What is not ours is left out; of both `left_out` counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from ..messages.history import Message, Post
from .broker import BrokerUnavailable, Deliver, Lost, Store
from .embedded import MAX_BYTES, EmbeddedValkey
from .left_out import Found, LeftOut
from .redis_connection import Address, BrokerRefuses, RedisConnection, RedisPool, in_time, pauses
from .redis_log import (
    LOG,
    PAGE_BYTES,
    SEQ,
    Entry,
    Known,
    LogBounds,
    entry_of,
    find_next,
    look,
    number_of,
    page,
    post_of,
    reply_of,
)
from .redis_publisher import Publisher
from .redis_store import ValkeyStore

logger = logging.getLogger("ebb")

T = TypeVar("T")

BLOCK_S = 1.0  # for which the server waits for a message
SILENCE_S = 0.25  # for which its answer may be late
LONGEST_SILENCE_S = 4.0  # the same for a large entry
FRESH_S = 0.01  # for which an answer is good that says how far the log is
SLICE = 100  # messages that are delivered before the event loop has its turn
AT_ONCE = 4  # messages that are waited for: of the largest that we write as many as a read may hold
AWAY = "the broker is away"
WAITING_S = 10.0  # between two lines about a broker that is not there yet


class ValkeyBroker:
    """`redis://`, `rediss://` or `unix://`. `bounds`: what the log keeps for a resume."""

    shared = True

    def __init__(self, url: str, bounds: LogBounds) -> None:
        address = Address(url)
        self.name = address.name
        self.epoch = ""
        self.available = False
        self.left_out = LeftOut()
        self._store = ValkeyStore(address, self.left_out)
        self.store: Store = self._store
        self._bounds = bounds
        self._known = Known()
        self._silence_s = SILENCE_S
        self._why = AWAY
        self._connection = RedisConnection(address)
        self._asking = RedisPool(address, 1)
        self._moved = asyncio.Event()
        self._publisher = Publisher(address, self._known, bounds)
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
            raise BrokerUnavailable(self._why)
        return await self._publisher.publish(post)

    async def catch_up(self) -> None:
        """Return once what was published before, by anybody, is delivered here; within 1.2 s in any case."""
        clock = asyncio.get_running_loop().time
        until, asked_at = clock() + SILENCE_S, -math.inf
        with contextlib.suppress(BrokerUnavailable, ValueError):  # or what stands there is no number
            while self.available and asked_at < clock() - FRESH_S and asked_at < until:
                asked_at = clock()  # a process that is held up for long has an old answer, and asks again
                last = int(await self._asking.ask("GET", SEQ) or 0)
                await in_time(self._read_up_to(last), SILENCE_S)

    async def close(self) -> None:
        """Stop delivering, and disconnect."""
        self.available = False
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._publisher.close()
        await self._asking.close()
        await self._store.close()
        await self._connection.close()

    async def _read_up_to(self, last: int) -> None:
        """Wait until a message of this log is read."""
        epoch = self.epoch
        while self._known.read < last and self.epoch == epoch:
            self._moved.clear()
            await self._moved.wait()

    async def away(self, pause_s: float) -> None:
        """Let `pause_s` seconds pass before the next attempt to reach the broker."""
        await asyncio.sleep(pause_s)

    async def _read_on(self) -> None:
        """Deliver what comes, until cancelled."""
        while True:
            try:
                while True:
                    found = await self._wait()
                    while found >= AT_ONCE:
                        found = await self._read_page(SLICE)
                    if not found:
                        await self._look(proves=True)
            except BrokerUnavailable as error:
                self._note_away(error)
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
                self._note_away(error)
                say(str(error))
            await self.away(pause_s)

    def _note_away(self, error: BrokerUnavailable) -> None:
        """It does not answer, or it does and takes nothing: its memory is full, or it has become a replica."""
        self.available = False
        self._why = str(error) if isinstance(error, BrokerRefuses) else AWAY

    async def _catch_up(self, upto: int) -> None:
        """Deliver what the log holds up to a number. Raises BrokerUnavailable, and has more patience the next time."""
        try:
            count = SLICE if self._silence_s == SILENCE_S else 1
            while await self._read_page(count) and self._known.read < upto:
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
        place = at.decode()
        self._pass_over(Entry(place, number_of(place), "", b""), f"cannot be read within {LONGEST_SILENCE_S:g} s")

    async def _look(self, proves: bool = False, cleans: bool = False) -> int:
        """See whether the log is the one that we know, and return its last number. Raises BrokerUnavailable.

        `proves`: also where nothing can be written. `cleans`: what stands above the last number is removed.
        """
        known = self._known
        reply = reply_of(await self._connection.ask(*look(known, self._bounds, proves, cleans)))
        if reply.foreign:
            self.left_out.add(Found.TYPE, f"what is not ours was in the way of the log of {self.name}", reply.foreign)
        if reply.epoch != known.epoch:
            another = known.epoch != ""
            self.epoch = known.epoch = reply.epoch
            known.highest, known.at, known.text = 0, "0-0", b""
            if another:
                logger.warning("the broker at %s has lost its log, and has begun another one", self.name)
                self._tell("the loss", self._lost, 0)
        return reply.seq

    async def _wait(self) -> int:
        """Deliver the next messages, once there are some; how many? Raises BrokerUnavailable."""
        command = ("XREAD", "COUNT", AT_ONCE, "BLOCK", round(BLOCK_S * 1000), "STREAMS", LOG, self._known.at)
        answer = await self._connection.ask(*command, within_s=BLOCK_S + self._silence_s)
        return await self._take_all(answer[0][1] if answer else ())

    async def _read_page(self, count: int) -> int:
        """Deliver the messages that are there, `count` at most; how many? Raises BrokerUnavailable."""
        answer = await self._connection.ask(*page(self._known, count), within_s=self._silence_s)
        return await self._take_all(answer)

    async def _take_all(self, entries: Sequence[tuple[bytes, list[bytes]]]) -> int:
        for at, fields in entries:
            entry = entry_of(at, fields)
            if entry.epoch != self.epoch:
                epoch = self.epoch
                last = await self._look(cleans=True)
                if self.epoch != epoch:
                    break
                if entry.seq > last:  # beyond our last number; it was removed
                    continue
            self._take(entry)
        return len(entries)

    def _take(self, entry: Entry) -> None:
        if entry.size:
            self._pass_over(entry, f"has {entry.size} bytes, limit {PAGE_BYTES}")
            return
        self._move_to(entry)
        try:
            message = Message(entry.seq, post_of(entry))
        except ValueError:
            self.left_out.add(Found.FOREIGN, f"entry {entry.at} of the log of {self.name} is not ours, and is left out")
            return
        self._tell(f"message {entry.seq}", self._deliver, message)

    def _pass_over(self, entry: Entry, why: str) -> None:
        """Skip an entry that cannot be read, and say that it is lost."""
        new = entry.seq > self._known.read
        self._move_to(entry)
        self.left_out.add(Found.UNREADABLE, f"entry {entry.at} of the log of {self.name} {why}, and is lost")
        if new:
            self._tell("the loss", self._lost, entry.seq)

    def _move_to(self, entry: Entry) -> None:
        known = self._known
        known.highest, known.at, known.text = max(known.highest, entry.seq), entry.at, entry.text
        self._moved.set()

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

    def __init__(self, bounds: LogBounds, max_bytes: int = MAX_BYTES) -> None:
        self.valkey = EmbeddedValkey(max_bytes=max_bytes)
        self._server = contextlib.AsyncExitStack()
        super().__init__(self.valkey.url, bounds)

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
