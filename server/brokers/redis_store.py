"""State beside the log in Redis or Valkey: values that expire, and streams of small entries.

Owns how both are kept: a value as JSON under its key, a stream under its name with ids of the server's. Refuses to
know what they mean. A follower that is more than 10,000 entries behind misses the oldest of them.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from .broker import BrokerUnavailable, Heard
from .redis_connection import Address, RedisConnection, RedisPool, pauses

logger = logging.getLogger("ebb")

T = TypeVar("T")

KEPT = 10_000
BLOCK_S = 1.0
SLICE = 100


class ValkeyStore:
    """A few connections for all values, and one for each stream that is followed."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._pool = RedisPool(address)

    async def get(self, key: str) -> dict[str, Any] | None:
        """Read a value; None when there is none, or no more."""
        text = await self._pool.ask("GET", key)
        try:
            return None if text is None else dict(json.loads(text))
        except ValueError:
            logger.error("the value of %s in the broker is not ours, and is left out", key)
            return None

    async def set(self, key: str, value: Mapping[str, Any], ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds, a millisecond at least."""
        await self._pool.ask("SET", key, json.dumps(dict(value)), "PX", max(1, round(ttl_s * 1000)))

    async def append(self, stream: str, entry: Mapping[str, str]) -> None:
        """Add an entry to a stream, of which the last 10,000 or a few more are kept."""
        fields = [part for pair in entry.items() for part in pair]
        await self._pool.ask("XADD", stream, "MAXLEN", "~", KEPT, "*", *fields)

    async def follow(self, stream: str, heard: Heard) -> None:
        """Await `heard` for each entry that is added from now on, in order, until cancelled; wait out every outage."""
        connection = RedisConnection(self._address)
        try:
            after = await patiently(self._end, connection, stream)
            while True:
                for at, fields in await patiently(self._next, connection, stream, after):
                    after = at
                    words = [each.decode(errors="replace") for each in fields]
                    await heard(dict(zip(words[::2], words[1::2], strict=True)))
        finally:
            await connection.close()

    @staticmethod
    async def _end(connection: RedisConnection, stream: str) -> bytes:
        last = await connection.ask("XREVRANGE", stream, "+", "-", "COUNT", 1)
        return bytes(last[0][0]) if last else b"0-0"

    @staticmethod
    async def _next(connection: RedisConnection, stream: str, after: bytes) -> list[Any]:
        block = ("COUNT", SLICE, "BLOCK", round(BLOCK_S * 1000))
        answer = await connection.ask("XREAD", *block, "STREAMS", stream, after, within_s=BLOCK_S + 0.3)
        return list(answer[0][1]) if answer else []

    async def close(self) -> None:
        """Disconnect. Whoever follows a stream is not asked to stop."""
        await self._pool.close()


async def patiently(ask: Callable[..., Awaitable[T]], *about: Any) -> T:
    """Ask until there is an answer."""
    for pause_s in pauses():
        try:
            return await ask(*about)
        except BrokerUnavailable:
            await asyncio.sleep(pause_s)
    raise AssertionError("there is always another pause")
