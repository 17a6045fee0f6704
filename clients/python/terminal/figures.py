"""What is counted and timed in a crowd of clients. Pure: times are arguments.

Owns percentiles, and how losses, doubles and changes of order are told from the numbers that a client has heard.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence

PERCENTILES = (50.0, 90.0, 99.0)


class Samples:
    """Durations in seconds."""

    def __init__(self) -> None:
        self._seconds = array("d")

    def add(self, seconds: float) -> None:
        """Add one."""
        self._seconds.append(seconds)

    def __len__(self) -> int:
        return len(self._seconds)

    def row(self, title: str) -> str:
        """The percentiles (nearest rank) and the greatest, in milliseconds, as a line for people."""
        if not self._seconds:
            return f"{title:<28}" + f"{'-':>10}" * (len(PERCENTILES) + 1)
        ordered = sorted(self._seconds)
        ranks = [max(0, -(-len(ordered) * percent // 100) - 1) for percent in PERCENTILES]
        shown = [ordered[int(rank)] for rank in ranks] + [ordered[-1]]
        return f"{title:<28}" + "".join(f"{seconds * 1e3:>10,.1f}" for seconds in shown)


HEADER = f"{'milliseconds':<28}" + "".join(f"{f'p{percent:g}':>10}" for percent in PERCENTILES) + f"{'max':>10}"


class Tally:
    """The numbers that one client has heard, of a sequence that begins with 0."""

    def __init__(self) -> None:
        self.received = 0
        self.doubled = 0
        self.reordered = 0
        self._next = 0
        self._missing: set[int] = set()

    def hear(self, n: int) -> None:
        """Count a number."""
        self.received += 1
        if n >= self._next:
            self._missing.update(range(self._next, n))
            self._next = n + 1
        elif n in self._missing:
            self._missing.remove(n)
            self.reordered += 1
        else:
            self.doubled += 1

    def lost(self, published: Sequence[int]) -> int:
        """How many of these, in ascending order, it has not heard."""
        return len(self._missing.intersection(published)) + len(published) - bisect_right(published, self._next - 1)
