"""A timer that ticks evenly for as long as there is something to look after.

Owns the pace: a tick that was late makes the next one no later. It counts nothing and looks at nothing; whoever counts
its ticks has a time that stands still while the event loop does. Refuses to know what a tick is for.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable


class Ticker:
    """Calls `tick` every `every_s`, from the first `wind` on, until it says that nothing is left."""

    def __init__(self, loop: asyncio.AbstractEventLoop, every_s: float, tick: Callable[[], bool]) -> None:
        self.loop = loop
        self.every_s = every_s
        self._tick = tick
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0  # when the last tick was due

    @property
    def runs(self) -> bool:
        """Whether there will be a tick."""
        return self._timer is not None

    def wind(self) -> None:
        """Tick, unless it does."""
        if self._timer is None:
            self._at = self._next(self.loop.time())
            self._timer = self.loop.call_at(self._at, self._ring)

    def ticks(self, seconds: float) -> int:
        """How many ticks are at least so many seconds."""
        return max(1, math.ceil(round(seconds / self.every_s, 6)))

    def ticks_from_now(self, seconds: float) -> int:
        """How many ticks are due until at least so many seconds are over: the next one may be due in a moment."""
        now = self.loop.time()
        following = self._at if self.runs else self._next(now)
        return self.ticks(seconds + self.every_s - (following - now))

    def _next(self, now: float) -> float:
        return (self._at if self._at > now - self.every_s else now) + self.every_s

    def _ring(self) -> None:
        self._timer = None
        if self._tick():
            self.wind()
