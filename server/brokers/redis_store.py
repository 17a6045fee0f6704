"""State beside the log in Redis or Valkey: values that expire, and streams of small entries.

Owns how both are kept: a value as JSON under `ebb:` and its key, a stream under its name with ids of the server's. What
is found there and is not ours, or too large, is left out, and replaced at the next write. Refuses to know what they
mean. A follower that is more than 10,000 entries behind misses the oldest of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .broker import Heard
from .left_out import Found, LeftOut
from .redis_connection import Address, BrokerRefuses, RedisPool
from .redis_follower import Follower, set_aside

OURS = "ebb:"
KEPT = 10_000
VALUE_BYTES = 1_000_000  # of one value, at most


class ValkeyStore:
    """A few connections for all values, and one for each stream that is followed. What is not ours is counted."""

    def __init__(self, address: Address, left_out: LeftOut) -> None:
        self._address = address
        self._left_out = left_out
        self._pool = RedisPool(address)

    async def get(self, key: str) -> dict[str, Any] | None:
        """Read a value; None when there is none, or no more."""
        try:
            text = await self._pool.ask("GETRANGE", OURS + key, 0, VALUE_BYTES)
        except BrokerRefuses as error:
            if "WRONGTYPE" not in str(error):
                raise
            self._leave_out(Found.TYPE, key, "is of another type")
            return None
        if len(text) > VALUE_BYTES:
            self._leave_out(Found.UNREADABLE, key, f"has more than {VALUE_BYTES} bytes")
            return None
        try:
            if text == b"" or isinstance(value := json.loads(text), dict):
                return value if text else None
        except (ValueError, RecursionError):
            pass
        self._leave_out(Found.FOREIGN, key, "is not ours")
        return None

    async def set(self, key: str, value: Mapping[str, Any], ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds, a millisecond at least."""
        await self._pool.ask("SET", OURS + key, json.dumps(dict(value)), "PX", max(1, round(ttl_s * 1000)))

    async def append(self, stream: str, entry: Mapping[str, str]) -> None:
        """Add an entry to a stream, of which the last 10,000 or a few more are kept."""
        command = ("XADD", stream, "MAXLEN", "~", KEPT, "*", *(part for pair in entry.items() for part in pair))
        try:
            await self._pool.ask(*command)
        except BrokerRefuses:
            await set_aside(self._pool.ask, stream, self._left_out)  # or somebody else has, in this moment
            await self._pool.ask(*command)

    async def follow(self, stream: str, heard: Heard) -> None:
        """Await `heard` for each entry that is added from now on, in order, until cancelled; wait out every outage."""
        await Follower(self._address, stream, self._left_out).run(heard)

    async def close(self) -> None:
        """Disconnect. Whoever follows a stream is not asked to stop."""
        await self._pool.close()

    def _leave_out(self, why: Found, key: str, detail: str) -> None:
        self._left_out.add(why, f"the value of {OURS}{key:.200} in the broker {detail}; it counts as nothing")
