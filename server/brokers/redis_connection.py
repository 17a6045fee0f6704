"""Connections to one Redis or Valkey server, and how long an answer may take.

Owns the address, how long an answer may take, and that a connection whose answer is late, cut short or an error is
dropped at once: none is ever left half read, or with a server that is not the right one any more. Whatever goes wrong
comes out as BrokerUnavailable, in one line that names neither the address nor a password. Refuses to know what is
asked. Sends no command twice: a command that was not answered may have been carried out.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Iterator
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from hiredis import pack_command
from redis.asyncio import ConnectionPool
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as NotInTime

from .broker import BrokerUnavailable

ANSWER_S = 0.55  # for one answer, the connection included: so that a publish never waits for a second
GRACE_S = 0.05  # for what came while this process itself was held up
PAUSE_S = 0.25  # at most, between attempts to reach a server that is away

# RESP2 is what Redis 6.2 and every later one speak. We keep the time ourselves. The name is for the operator. A
# connection that is refused for a wrong password fails at once.
TERMS = {
    "protocol": 2,
    "client_name": "ebb",
    "driver_info": None,
    "socket_timeout": None,
    "socket_connect_timeout": ANSWER_S,
}

T = TypeVar("T")


class BrokerRefuses(BrokerUnavailable):
    """It is there, and does not do what it was asked: what a key holds is of another type, memory is full."""


class RawConnection(Protocol):
    """What we use of redis-py's connection."""

    is_connected: bool

    async def connect(self) -> None:
        """Connect, if not connected."""
        ...

    async def can_read(self) -> bool:
        """Whether there is something unexpected to read: a rest of an answer, or the end."""
        ...

    async def send_packed_command(self, command: bytes) -> None:
        """Send a command; redis-py's own packing is ten times as slow."""
        ...

    async def read_response(self) -> Any:
        """Read the answer to it."""
        ...

    async def disconnect(self, nowait: bool = False) -> None:
        """Disconnect, if connected."""
        ...


class Address:
    """Where a server is: `redis://`, `rediss://` or `unix://`, in redis-py's form. ValueError for anything else."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
            self.name = f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"
            self._pool = ConnectionPool.from_url(url, **TERMS)
            self._pool.connection_kwargs.update(TERMS)
            if parts.scheme == "unix" and not parts.path:
                raise ValueError
            self.connection()
        except (ValueError, TypeError, RedisError):
            scheme = url.partition("://")[0]
            raise ValueError(f"{scheme}://... is no broker: its port, path or an option is not understood") from None

    def connection(self) -> RawConnection:
        """Make a connection; it is not connected yet."""
        return cast(RawConnection, self._pool.make_connection())  # type: ignore[no-untyped-call]  # redis-py's


class RedisConnection:
    """One connection, made when it is needed, for one question at a time."""

    def __init__(self, address: Address) -> None:
        self._connection = address.connection()

    async def ask(self, *command: Any, within_s: float = ANSWER_S) -> Any:
        """Send a command and return the answer to it. Raises BrokerUnavailable within `within_s` + 0.05 s."""
        try:
            return await in_time(self._ask(command), within_s)
        except (RedisError, OSError) as error:
            kind = BrokerRefuses if isinstance(error, ResponseError) else BrokerUnavailable
            raise kind(explain(error)) from None

    async def _ask(self, command: tuple[Any, ...]) -> Any:
        try:
            if self._connection.is_connected and await self._connection.can_read():  # it was closed meanwhile
                await self._connection.disconnect(nowait=True)
            if not self._connection.is_connected:
                await self._connection.connect()
            await self._connection.send_packed_command(pack_command(command))
            return await self._connection.read_response()
        except BaseException:
            await self._connection.disconnect(nowait=True)
            raise

    async def close(self) -> None:
        """Disconnect, if connected. A later question connects again."""
        await self._connection.disconnect(nowait=True)


class RedisPool:
    """A few connections for many callers: `limit` at a time, and the others wait for their turn."""

    def __init__(self, address: Address, limit: int = 4) -> None:
        self._connections = [RedisConnection(address) for _ in range(limit)]
        self._free: asyncio.LifoQueue[RedisConnection] = asyncio.LifoQueue()
        for connection in self._connections:
            self._free.put_nowait(connection)

    async def ask(self, *command: Any) -> Any:
        """Send a command and return the answer to it. Raises BrokerUnavailable within 0.6 s."""
        return await in_time(self._ask(command), ANSWER_S)

    async def _ask(self, command: tuple[Any, ...]) -> Any:
        connection = await self._free.get()
        try:
            return await connection.ask(*command)
        finally:
            self._free.put_nowait(connection)

    async def close(self) -> None:
        """Disconnect all of them."""
        for connection in self._connections:
            await connection.close()


async def in_time(work: Awaitable[T], within_s: float) -> T:
    """Await `work`; give it up and raise BrokerUnavailable after `within_s` seconds.

    A process that was itself held up finds the answer and the end of its patience at once; the answer counts.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as patience:
            ends = loop.call_later(within_s, lambda: patience.reschedule(loop.time() + GRACE_S))
            try:
                return await work
            finally:
                ends.cancel()
    except TimeoutError:
        raise BrokerUnavailable(f"the broker does not answer within {within_s + GRACE_S:.1f} s") from None


def explain(error: Exception) -> str:
    """Say in one line what happened."""
    if isinstance(error.__cause__, RedisError):  # redis-py's, on a Unix socket
        error = error.__cause__
    if isinstance(error, NotInTime):
        return "the broker cannot be reached: no connection in time"
    cause = error.__context__ if isinstance(error.__context__, OSError) else error
    if isinstance(cause, OSError):
        if cause.errno is not None and cause.errno > 1:  # else of TLS or of the resolver
            return f"the broker cannot be reached: {os.strerror(cause.errno)}"
        return f"the broker cannot be reached: {getattr(cause, 'reason', cause.strerror) or type(cause).__name__}"
    if "used memory > 'maxmemory'" in str(error):
        return "the broker's memory is full: it takes nothing"
    verb = "cannot be reached" if type(error) is NoConnection else "says"
    return f"the broker {verb}: {' '.join(str(error).split()).rstrip('.')}"


def pauses() -> Iterator[float]:
    """Yield the seconds to wait before each further attempt, for ever; with jitter, so that not all come at once."""
    longest = 0.02
    while True:
        yield random.uniform(longest / 2, longest)
        longest = min(longest * 2, PAUSE_S)
