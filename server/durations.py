"""How long something took, each time it was done: what a histogram of Prometheus is made of.

Owns the bounds and the counts: plain integers, for an entry is made once for each broadcast. Refuses to know the clock,
and what was done.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

BOUNDS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Durations:
    """Counts durations by their length. `sum_s`: all of them together, in seconds."""

    __slots__ = ("_counts", "sum_s")

    def __init__(self) -> None:
        self.sum_s = 0.0
        self._counts = [0] * (len(BOUNDS_S) + 1)

    def add(self, seconds: float, times: int = 1) -> None:
        """Count a duration, 0 or more, of something that was done `times` times."""
        self._counts[bisect_left(BOUNDS_S, seconds)] += times
        self.sum_s += seconds * times

    def buckets(self) -> list[tuple[str, int]]:
        """How many took at most so long, for each bound and for `+Inf`: all of them."""
        return list(zip([*map(str, BOUNDS_S), "+Inf"], accumulate(self._counts), strict=True))
