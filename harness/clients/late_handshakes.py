"""The handshakes besides the crowd's: those that race the signal, those that come too late, brief visits, late stayers.

Owns when they are begun, and at what rate. Refuses to know how they are to be answered.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from typing import Any

from ..probes.polling import LATE_EVERY_S, Probes, salvo
from .client import Client
from .crowd import Crowd
from .hostile import SilentPeer
from .mix import ClientFactory
from .personas import BriefVisitor, Cooperative, Lingerer

JOIN_TIMEOUT_S = 2.0
BRIEF_VISIT_EVERY_S = 0.020
# Where readiness turns at once, a handshake races the signal only if it is under way when the signal is sent:
# some begin right before it. The others, around it, are for a target that turns late.
RACERS_AT_ONCE = 20
RACERS_S = [-0.040 + 0.004 * n for n in range(26)]
# Where clients offer no subprotocol, every third handshake offers one that the target does not know.
UNKNOWN_SUBPROTOCOL = "ebb.unknown"


class LateHandshakes:
    """Handshakes that join `crowd` later, while everything else goes on."""

    def __init__(self, factory: ClientFactory, crowd: Crowd, probes: Probes) -> None:
        self._factory = factory
        self._crowd = crowd
        self._probes = probes
        self._racers = itertools.count()
        self._coming: asyncio.Task[Any] | None = None

    def race(self, moment: float) -> None:
        """Begin some handshakes around a moment (monotonic), one after another."""
        self._probes.spawn(salvo([moment + offset_s for offset_s in RACERS_S], self._race))

    def race_now(self, moment: float) -> None:
        """Begin some handshakes at the same moment."""
        self._probes.spawn(salvo([moment] * RACERS_AT_ONCE, self._race))

    def come_late(self) -> None:
        """From now on begin a handshake that comes too late, 20 times a second."""
        self._coming = self._probes.repeat(LATE_EVERY_S, self._come_late)

    def stop(self) -> None:
        """From now on nobody comes late."""
        if self._coming is not None:
            self._coming.cancel()

    def connect_silently(self, count: int, within_s: float) -> None:
        """From now on connect so many times, at moments of chance `within_s`, and say nothing."""
        now = time.monotonic()
        moments = [now + self._factory.dice.uniform(0.0, within_s) for _ in range(count)]
        self._probes.spawn(salvo(moments, self._connect_silently))

    def visit_briefly(self) -> None:
        """From now on connect 50 times a second, and leave again at once."""
        self._probes.repeat(BRIEF_VISIT_EVERY_S, self._visit_briefly)

    async def stay(self, count: int) -> None:
        """Connect so many clients that stay, so that some are there whatever became of the others."""
        await asyncio.gather(*(self._join(self._factory.listener(Lingerer)) for _ in range(count)))

    async def _race(self, _: int) -> None:
        number = next(self._racers)
        await self._join(self._newcomer(f"racer-{number}", number))

    async def _come_late(self, n: int) -> None:
        await self._join(self._newcomer(f"late-{n}", n))

    async def _connect_silently(self, n: int) -> None:
        await self._join(self._factory.listener(SilentPeer, f"late-silent-peer-{n}"))

    async def _visit_briefly(self, n: int) -> None:
        await self._join(self._factory.listener(BriefVisitor, f"brief-visitor-{n}"))

    def _newcomer(self, name: str, number: int) -> Cooperative:
        newcomer = self._factory.listener(Cooperative, name)
        if newcomer.subprotocol is None and number % 3 == 1:
            newcomer.subprotocol = UNKNOWN_SUBPROTOCOL
        return newcomer

    async def _join(self, client: Client) -> None:
        await self._crowd.join(client, JOIN_TIMEOUT_S)
