"""What a client or an address has taken of the whole service: counted in the broker that its processes share.

Owns the counts in Redis or Valkey, kept by the `limits` library, and the task that asks for them. Nobody waits for it:
each process limits by itself, tells in chunks what it has let through (see `share`), and empties its bucket where that
was too much for the service. So a service lets through a chunk more for each process, at most; and a message costs no
round trip, but 150 us of CPU for a chunk of 25 (measured). While the broker is away each process limits by itself.

Refuses to know what is limited, and whose bucket it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import math
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from typing import Any

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool

from .rate import Limited, Meter, Rate, Rates
from .share import SharedLimit, Teller

logger = logging.getLogger("ebb")

ANSWER_S = 0.5
PAUSE_S = 5.0  # after a failure
MOST = 10_000  # who waits to be told of, and addresses of which something is known; the others are not told
PREFIX = "{ebb}:limits"

TooMuch = Callable[[], None]


class Service:
    """The counts of a service behind the URL of its broker. To be served by `serving`. `idle`: everything was told."""

    def __init__(self, url: str) -> None:
        terms: dict[str, Any] = {"socket_timeout": ANSWER_S, "socket_connect_timeout": ANSWER_S, "protocol": 2}
        self.pool = ConnectionPool.from_url(url, **terms)
        options: dict[str, Any] = {"connection_pool": self.pool}
        storage = RedisStorage("async+redis://", implementation="redispy", key_prefix=PREFIX, **options)
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._waiting: dict[tuple[SharedLimit, str], tuple[float, TooMuch]] = {}
        self._some = asyncio.Event()
        self.idle = True

    def tell(self, share: SharedLimit, who: str, amount: float, too_much: TooMuch) -> None:
        """Tell what somebody was let have; `too_much` is called where that is more than the service has for one."""
        before, _ = self._waiting.get((share, who), (0.0, too_much))
        if before or len(self._waiting) < MOST:
            self._waiting[share, who] = before + amount, too_much
            self.idle = False
            self._some.set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Pass on what is told."""
        running = asyncio.create_task(self._run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])
            with contextlib.suppress(Exception):
                await self.pool.disconnect()

    async def _run(self) -> None:
        while True:
            self.idle = not self._waiting
            await self._some.wait()
            self._some.clear()
            while self._waiting:
                (share, who), (amount, too_much) = self._waiting.popitem()
                if not await self._fits(share, who, amount):
                    too_much()
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise asyncio.CancelledError  # seen: redis-py 8.1 swallows one that comes with its answer

    async def _fits(self, share: SharedLimit, who: str, amount: float) -> bool:
        item = RateLimitItemPerSecond(share.amount, share.window_s)
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._limiter.hit(item, share.kind, hashed(who), cost=math.ceil(amount))
        except Exception as error:
            logger.warning("each process limits by itself for %g s: %s", PAUSE_S, type(error).__name__)
            await asyncio.sleep(PAUSE_S)
            self._waiting.clear()
            return True


class SharedRates:
    """Makes the meters of those who may have more of them in other processes."""

    def __init__(self, service: Service, rates: Rates) -> None:
        self.service = service
        self.rates = rates
        self.messages = SharedLimit.of("messages", rates.messages)
        self.bytes = SharedLimit.of("bytes", rates.bytes)

    def meter(self, who: str) -> Meter:
        """Make one."""
        return SharedMeter(self, who)


class SharedMeter(Meter):
    """A meter that tells the service what it lets through."""

    __slots__ = ("_bytes", "_messages", "_shared", "_who")

    def __init__(self, shared: SharedRates, who: str) -> None:
        super().__init__(shared.rates)
        self._shared = shared
        self._who = who
        self._messages, self._bytes = Teller(), Teller()

    def take(self, size: int, now: float) -> Limited | None:
        """Take a message as a meter does."""
        limited = super().take(size, now)
        if limited is None:
            shared = self._shared
            if told := self._messages.add(shared.messages, 1, now):
                shared.service.tell(shared.messages, self._who, told, self._too_much)
            if told := self._bytes.add(shared.bytes, size, now):
                shared.service.tell(shared.bytes, self._who, told, self._too_much)
        return limited

    def _too_much(self) -> None:
        self.empty(asyncio.get_running_loop().time())


class SharedAddresses:
    """Tells the service what addresses have had of a `kind`; `empty` is called with one that had too much."""

    def __init__(self, service: Service, kind: str, rate: Rate, empty: Callable[[str], None]) -> None:
        self._service = service
        self._share = SharedLimit.of(kind, rate)
        self._empty = empty
        self._tellers: OrderedDict[str, Teller] = OrderedDict()  # the one that asked last is last

    def add(self, address: str, now: float) -> None:
        """Tell one more."""
        teller = self._tellers.setdefault(address, Teller())
        self._tellers.move_to_end(address)
        if len(self._tellers) > MOST:
            self._tellers.popitem(last=False)
        if told := teller.add(self._share, 1, now):
            self._service.tell(self._share, address, told, lambda: self._empty(address))


def hashed(who: str) -> str:
    """A name as it is in a key: of one length."""
    return hashlib.blake2b(who.encode(errors="surrogatepass"), digest_size=16).hexdigest()
