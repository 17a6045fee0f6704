"""The pings of all connections: who is pinged when, and whose pong is missing.

Owns the sweep: one timer, which visits in each tick the connections whose turn it is, so that those which connected
together are not pinged together; and which lets others have the event loop between a few pings and the next few.
Refuses to know what becomes of a ping.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from typing import Protocol

from ..messages.frame import encoded
from .frames import PING
from .ticker import Ticker

# Of the ticks: as many in an interval as there are moments, but no shorter, and no longer. Each wakes the process, and
# finds its caches cold. Measured with 10,000 idle clients that are pinged every 20 s: 50 ticks a second cost 2.8 % of a
# core, ten 1.4 %, two 1.2 %.
MOMENTS, SHORTEST_S, LONGEST_S = 40, 0.1, 0.5
# Pings in one turn of the event loop: a quarter of a millisecond.
AT_ONCE = 16
PING_BYTES = 4  # of its payload


class Kept(Protocol):
    """A connection that is kept alive. `moment` belongs to the sweep."""

    moment: int

    def ping(self, payload: bytes, frame: bytes) -> None:
        """Ping the client with a frame, unless it has yet to answer an earlier one."""

    def missed_pong(self, payload: bytes) -> None:
        """The pong to this ping is due now."""


class Sweep:
    """Pings each connection every `interval_s`, and looks for its pong `timeout_s` later; None: it does not."""

    def __init__(self, loop: asyncio.AbstractEventLoop, interval_s: float | None, timeout_s: float | None) -> None:
        every_s = min(max((interval_s or 0.0) / MOMENTS, SHORTEST_S), LONGEST_S)
        self._ticker = Ticker(loop, every_s, self._sweep)
        self._tick = 0
        self._moments = self._ticker.ticks(interval_s) if interval_s else 0
        self._turns: dict[int, set[Kept]] = {}  # by moment: who is pinged then, where anybody is
        self._timeout_s = timeout_s
        self._next = 0
        self._pinged: deque[tuple[int, set[Kept], bytes]] = deque()

    def enter(self, connection: Kept) -> None:
        """Keep a connection alive, from a moment of its own on: who comes first is pinged an interval later."""
        if self._moments:
            self._next = (self._next - 1) % self._moments
            connection.moment = self._next
            self._turns.setdefault(self._next, set()).add(connection)
            self._ticker.wind()

    def leave(self, connection: Kept) -> None:
        """Ping it no more. Nothing happens if it never entered."""
        turn = self._turns.get(connection.moment, set())
        if connection in turn:
            turn.remove(connection)
            if not turn:
                del self._turns[connection.moment]

    def _sweep(self) -> bool:
        self._tick += 1
        while self._pinged and self._pinged[0][0] <= self._tick:
            _, turn, payload = self._pinged.popleft()
            for connection in list(turn):
                connection.missed_pong(payload)
        if (pinged := self._turns.get(self._tick % self._moments)) is not None:
            payload = secrets.token_bytes(PING_BYTES)
            self._ping(pinged, list(pinged), payload, encoded(PING, payload))
        if not self._turns:
            self._pinged.clear()
        return bool(self._turns)

    def _ping(self, turn: set[Kept], left: list[Kept], payload: bytes, frame: bytes) -> None:
        """Ping the next few of a turn; who has left it in the meantime is pinged no more.

        The time for all pongs begins with the last few: a ping of whose pong nobody asks would be the client's last.
        """
        for connection in left[-AT_ONCE:]:
            if connection in turn:
                connection.ping(payload, frame)
        del left[-AT_ONCE:]
        if left:
            self._ticker.loop.call_soon(self._ping, turn, left, payload, frame)
        elif self._timeout_s:
            self._pinged.append((self._tick + self._ticker.ticks_from_now(self._timeout_s), turn, payload))
