"""What one process tells the others of what it has let through: in chunks, and nothing of who is slow. Pure.

Refuses to know how it is told (see `service`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .rate import Rate

CHUNKS = 4  # of one burst
WINDOW_BURSTS = 5  # the window is as long as it takes to fill a bucket so many times: a burst weighs a fifth in it


class SharedLimit(NamedTuple):
    """One limit of the service: `amount` in `window_s`, told in chunks that come together within `within_s`."""

    kind: str
    amount: int
    window_s: int
    chunk: float
    within_s: float

    @classmethod
    def of(cls, kind: str, rate: Rate) -> SharedLimit:
        """What the bucket of one process lets through in a window, and a chunk; without a limit nothing is told."""
        if not rate.per_s:
            return cls(kind, 0, 0, math.inf, math.inf)
        chunk = max(1, math.ceil(rate.burst / CHUNKS))
        window_s = max(1, math.ceil(WINDOW_BURSTS * rate.burst / rate.per_s))
        return cls(kind, math.ceil(rate.burst + rate.per_s * window_s + chunk), window_s, chunk, rate.burst_s)


class Teller:
    """How much of a chunk has come together for somebody."""

    __slots__ = ("_amount", "_since")

    def __init__(self) -> None:
        self._amount = 0.0
        self._since = -math.inf

    def add(self, share: SharedLimit, amount: float, now: float) -> float:
        """Add to the chunk; return it once it is to be told, or 0."""
        if now - self._since > share.within_s:
            self._since = now
            self._amount = 0.0
        self._amount += amount
        if self._amount < share.chunk:
            return 0.0
        told, self._amount, self._since = self._amount, 0.0, now
        return told
