"""Where the next attempt goes, and how long it waits.

Owns the order of the places, and full jitter with exponential backoff. Pure: `dice` gives numbers from 0 to 1. Source:
AWS Architecture Blog, "Exponential Backoff And Jitter".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

BACKOFF_BASE_S = 0.2
BACKOFF_CAP_S = 10.0
STEADY_S = 10.0  # a connection that was cut sooner counts as one more failure in a row


class Attempts:
    """Attempts to connect to one of `places`, in this order again and again. None begins before `not_before`."""

    def __init__(self, places: Sequence[int], dice: Callable[[], float]) -> None:
        self.not_before = 0.0
        self._order = list(places)
        self._dice = dice
        self._failures = 0

    def next_place(self, drains: int | None) -> int:
        """Choose a place; while there are others, not the one that drains."""
        place = next((place for place in self._order if place != drains), self._order[0])
        self._order.remove(place)
        self._order.append(place)
        return place

    def failed(self, now: float) -> float:
        """Put off the next attempt, for longer after each failure in a row; return for how many seconds."""
        self._failures += 1
        wait_s = self._dice() * longest_wait_s(self._failures)
        self.not_before = now + wait_s
        return wait_s

    def cut(self, now: float, stood_s: float, notified: bool) -> float:
        """Put off the next attempt because a connection was cut that had stood so long; return for how many seconds.

        It is the first failure in a row if the connection was steady, or the client `notified` that it would be closed.
        """
        if notified or stood_s >= STEADY_S:
            self._failures = 0
        return self.failed(now)

    def moved(self) -> None:
        """A connection was made before the former one was cut: nothing has failed."""
        self._failures = 0


def longest_wait_s(failures: int) -> float:
    """The longest wait before the next attempt, after `failures` in a row, 1 or more."""
    return min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** min(failures - 1, 16))
