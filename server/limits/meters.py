"""Whose meter is whose: who connects twice, or again, has one.

Owns the meters of one process. One is kept as long as a connection uses it, and after that until its bucket is full:
then a new one is the same. Refuses to know what is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

from .rate import Meter, Rates


class Meters:
    """The meters against `rates`. `shared` makes those of clients that may be connected to other processes, too."""

    def __init__(self, rates: Rates, shared: Callable[[str], Meter] | None = None) -> None:
        self._rates = rates
        self._shared = shared
        self._meters: WeakValueDictionary[str, Meter] = WeakValueDictionary()

    def of(self, who: str | None) -> Meter:
        """The meter of a client, or a new one for a client that nobody knows."""
        if who is None:
            return Meter(self._rates)
        meter = self._meters.get(who)
        if meter is None:
            meter = self._meters[who] = Meter(self._rates) if self._shared is None else self._shared(who)
        return meter

    def keep(self, meter: Meter) -> None:
        """Keep a meter for the next connection of the same client, until it is full."""
        loop = asyncio.get_running_loop()
        if meter.full_at > loop.time():
            loop.call_at(meter.full_at, _let_go, meter)


def _let_go(meter: Meter) -> None:
    """Be what the timer holds a meter with."""
