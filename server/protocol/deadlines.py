"""What has to be over at some time, on any connection: half a handshake, a message that has begun, a closing handshake.

Owns one timer for all of them, which runs while something is expected, and counts its ticks: while the event loop
stands still, so does the time of those who wait in its sockets. Refuses to know what becomes of who is late.
"""

from __future__ import annotations

import asyncio
import math
from typing import Protocol

from .ticker import Ticker

TICK_S = 0.1


class Timed(Protocol):
    """What has to be over at some time."""

    def overdue(self) -> None:
        """It is not."""


class Deadlines:
    """Says what is not over in its time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._ticker = Ticker(loop, TICK_S, self._look)
        self._tick = 0
        self._due: dict[Timed, int] = {}

    def expect(self, timed: Timed, within_s: float) -> None:
        """Have it said when `timed` is not over `within_s` from now; of several times for one the last counts."""
        self._due[timed] = self._tick + self._ticker.ticks_from_now(within_s)
        self._ticker.wind()

    def settle(self, timed: Timed) -> None:
        """It is over. Nothing happens if that was not expected."""
        self._due.pop(timed, None)

    def expects(self, timed: Timed) -> bool:
        """Whether it is expected to be over."""
        return timed in self._due

    def _look(self) -> bool:
        self._tick += 1
        for timed in [each for each, at in self._due.items() if at <= self._tick]:
            if self._due.get(timed, math.inf) <= self._tick:  # else another one's end has settled it
                self.settle(timed)
                timed.overdue()
        return bool(self._due)
