"""The one timer of all connections: who is pinged, whose pong is missing, whose time is over.

Owns the sweep: ten times a second it visits the connections whose turn it is, so that those which connected together
are not pinged together, and 10,000 cost one timer. It counts its own ticks and looks at no clock: while the event loop
stands still, so does the time of those who wait in its sockets. Refuses to know what becomes of a ping.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections import deque
from typing import Protocol

from ..messages.frame import encoded
from .frames import PING

# Measured with 10,000 idle clients: five times as many ticks cost nearly twice as much, 2.8 instead of 1.5 % of a core.
TICK_S = 0.1
PING_BYTES = 4  # of its payload


class Kept(Protocol):
    """A connection that is kept alive. `moment` belongs to the sweep."""

    moment: int

    def ping(self, payload: bytes, frame: bytes) -> None:
        """Ping the client with a frame, unless it has yet to answer an earlier one."""

    def missed_pong(self, payload: bytes) -> None:
        """The pong to this ping is due now."""


class Timed(Protocol):
    """What has to be over at some time."""

    def overdue(self) -> None:
        """It is not."""


class Sweep:
    """Pings each connection every `interval_s`, and looks for its pong `timeout_s` later; None: it does not."""

    def __init__(self, loop: asyncio.AbstractEventLoop, interval_s: float | None, timeout_s: float | None) -> None:
        self._loop = loop
        self._tick = 0
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0  # when the last tick was due
        self._turns: list[set[Kept]] = [set() for _ in range(ticks(interval_s))] if interval_s else []
        self._timeout = ticks(timeout_s) if timeout_s else None
        self._next = 0
        self._kept = 0
        self._pinged: deque[tuple[int, set[Kept], bytes]] = deque()
        self._due: dict[Timed, int] = {}
        self._due_at: dict[int, dict[Timed, None]] = {}

    def enter(self, connection: Kept) -> None:
        """Keep a connection alive, from a moment of its own on: who comes first is pinged an interval later."""
        if self._turns:
            self._next = (self._next - 1) % len(self._turns)
            connection.moment = self._next
            self._turns[self._next].add(connection)
            self._kept += 1
            self._wind()

    def leave(self, connection: Kept) -> None:
        """Ping it no more. Nothing happens if it never entered."""
        if self._turns and connection in self._turns[connection.moment]:
            self._turns[connection.moment].remove(connection)
            self._kept -= 1

    def expect(self, timed: Timed, within_s: float) -> None:
        """Have it said when `timed` is not over `within_s` from now; of several times for one the last counts."""
        self.settle(timed)
        self._due[timed] = at = self._tick + ticks(within_s)
        self._due_at.setdefault(at, {})[timed] = None
        self._wind()

    def settle(self, timed: Timed) -> None:
        """It is over. Nothing happens if that was not expected."""
        if (at := self._due.pop(timed, None)) is not None:
            del self._due_at[at][timed]

    def expects(self, timed: Timed) -> bool:
        """Whether it is expected to be over."""
        return timed in self._due

    def _wind(self) -> None:
        if self._timer is None:
            now = self._loop.time()
            self._at = (self._at if self._at > now - TICK_S else now) + TICK_S
            self._timer = self._loop.call_at(self._at, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        self._tick += 1
        for timed in list(self._due_at.get(self._tick, ())):
            if self._due.get(timed) == self._tick:  # else another one's end has settled it
                self.settle(timed)
                timed.overdue()
        self._due_at.pop(self._tick, None)
        while self._pinged and self._pinged[0][0] <= self._tick:
            _, turn, payload = self._pinged.popleft()
            for connection in list(turn):
                connection.missed_pong(payload)
        if self._turns and (turn := self._turns[self._tick % len(self._turns)]):
            payload = secrets.token_bytes(PING_BYTES)
            frame = encoded(PING, payload)
            for connection in list(turn):
                connection.ping(payload, frame)
            if self._timeout is not None:
                self._pinged.append((self._tick + self._timeout, turn, payload))
        if self._kept or self._due:
            self._wind()
        else:
            self._pinged.clear()


def ticks(seconds: float) -> int:
    """How many ticks are at least so many seconds."""
    return max(1, math.ceil(seconds / TICK_S))
