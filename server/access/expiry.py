"""When the tokens of connected clients expire: a warning, with time to renew, and then the end.

Owns the times, in one queue with one task for all connections. Refuses to know how a client is warned, and closed.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from typing import Protocol

from .identity import Identity

LOOK_EVERY_S = 1.0


class Bearer(Protocol):
    """A connection of somebody whose token expires."""

    number: int
    identity: Identity

    def warn_of_expiry(self, in_s: float) -> None:
        """Say that the token expires."""

    def expire(self) -> None:
        """Close it."""


class Expiry:
    """Watches the tokens of connections; each is warned `warning_s` before its token expires.

    Of a token that has less than twice as long, half is over by then: its client is not warned again at once when it
    shows another one like it.
    """

    def __init__(self, warning_s: float) -> None:
        self._warning_s = warning_s
        self._due: list[tuple[float, int, float]] = []  # when, which connection, when its token expires
        self._bearers: dict[int, Bearer] = {}

    def watch(self, bearer: Bearer) -> None:
        """Watch the token that a connection has now; one that never expires needs no watching."""
        expires_at = bearer.identity.expires_at
        if expires_at is not None:
            self._bearers[bearer.number] = bearer
            warning_s = min(self._warning_s, max(0.0, expires_at - time.time()) / 2)
            heapq.heappush(self._due, (expires_at - warning_s, bearer.number, expires_at))

    def forget(self, bearer: Bearer) -> None:
        """Watch no more: it has left."""
        self._bearers.pop(bearer.number, None)

    async def run(self) -> None:
        """Warn and close, once a second, until cancelled."""
        while True:
            self.look(time.time())
            await asyncio.sleep(LOOK_EVERY_S)

    def look(self, now: float) -> None:
        """Warn and close those whose time has come. `now` is in Unix seconds."""
        while self._due and self._due[0][0] <= now:
            _, number, expires_at = heapq.heappop(self._due)
            bearer = self._bearers.get(number)
            if bearer is None or bearer.identity.expires_at != expires_at:
                continue  # it has left, or renewed its token
            if now < expires_at:
                bearer.warn_of_expiry(expires_at - now)
                heapq.heappush(self._due, (expires_at, number, expires_at))
            else:
                bearer.expire()
