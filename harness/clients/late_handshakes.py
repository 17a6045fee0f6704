"""Who comes besides the crowd: racers at the signal, the late, those who only knock, those who come to stay.

Owns when they come, and at what rate. Refuses to know what is to become of them.
"""

from __future__ import annotations

import asyncio
import itertools

from ..probes.polling import LATE_EVERY_S, Probes, salvo
from .crowd import Crowd
from .mix import ClientFactory
from .personas import BriefVisitor, Cooperative, Lingerer

JOIN_TIMEOUT_S = 2.0
KNOCK_EVERY_S = 0.020
# Where readiness turns at once, a handshake races the signal only if it is under way when the signal is sent:
# some begin right before it. The others, around it, are for a target that turns late.
RACERS_AT_ONCE = 10
RACERS_S = [-0.040 + 0.004 * n for n in range(26)]


class LateHandshakes:
    """Those who join `crowd` later, beside everything else that goes on."""

    def __init__(self, factory: ClientFactory, crowd: Crowd, probes: Probes) -> None:
        self._factory = factory
        self._crowd = crowd
        self._probes = probes
        self._racers = itertools.count()

    def race(self, moment: float) -> None:
        """Some come around a moment (monotonic), each in its own."""
        self._probes.spawn(salvo([moment + offset_s for offset_s in RACERS_S], self._race))

    def race_now(self, moment: float) -> None:
        """Some come at once at this moment."""
        self._probes.spawn(salvo([moment] * RACERS_AT_ONCE, self._race))

    def come_late(self) -> None:
        """From now on somebody comes too late, 20 times a second."""
        self._probes.repeat(LATE_EVERY_S, self._come_late)

    def knock(self) -> None:
        """From now on somebody asks to be let in, 50 times a second, and leaves again at once."""
        self._probes.repeat(KNOCK_EVERY_S, self._knock)

    async def stay(self, count: int) -> None:
        """So many come now, and stay: whatever became of the others, somebody is there."""
        await asyncio.gather(*(self._join(self._factory.listener(Lingerer)) for _ in range(count)))

    async def _race(self, _: int) -> None:
        await self._join(self._factory.listener(Cooperative, f"racer-{next(self._racers)}"))

    async def _come_late(self, n: int) -> None:
        await self._join(self._factory.listener(Cooperative, f"late-{n}"))

    async def _knock(self, n: int) -> None:
        await self._join(self._factory.listener(BriefVisitor, f"knocker-{n}"))

    async def _join(self, client: Cooperative | BriefVisitor | Lingerer) -> None:
        await self._crowd.join(client, JOIN_TIMEOUT_S)
