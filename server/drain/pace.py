"""How many connections may be closed by now.

Owns a token bucket: it fills at `per_s` a second, holds at most a quarter of a second's worth, and starts with one.
So after a delay (a frozen process, a busy loop) nothing is made up for in one burst, and no second sees more than
1.25 times the pace (clause 15 allows 2).
"""

from __future__ import annotations

_BURST_S = 0.25


class Pace:
    """A rate in connections a second, more than 0, counted from `now` (seconds, monotonic)."""

    __slots__ = ("_credit", "_filled_at", "_per_s")

    def __init__(self, per_s: float, now: float) -> None:
        self._per_s = per_s
        self._credit = 1.0
        self._filled_at = now

    def take(self, wanted: int, now: float) -> int:
        """Return how many of `wanted` may be closed now."""
        earned = (now - self._filled_at) * self._per_s
        self._credit = min(self._credit + earned, max(1.0, self._per_s * _BURST_S))
        self._filled_at = now
        granted = min(wanted, int(self._credit))
        self._credit -= granted
        return granted
