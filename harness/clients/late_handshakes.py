"""Handshakes besides the crowd's: some race the signal, some come too late, some clients leave at once, others stay.

Owns when they begin, and at what rate. Refuses to know how the target should answer them.
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
    """Handshakes of clients that join `crowd` later, while everything else goes on."""

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
        """Begin no more late handshakes."""
        if self._coming is not None:
            self._coming.cancel()

    def connect_silently(self, count: int, within_s: float) -> None:
        """Connect `count` times at random moments within the next `within_s`, and send nothing."""
        now = time.monotonic()
        moments = [now + self._factory.dice.uniform(0.0, within_s) for _ in range(count)]
        self._probes.spawn(salvo(moments, self._connect_silently))

    def visit_briefly(self, every_s: float = BRIEF_VISIT_EVERY_S) -> None:
        """From now on connect that often, by default 50 times a second, and leave at once each time."""
        self._probes.repeat(every_s, self._visit_briefly)

    async def stay(self, count: int) -> None:
        """Connect `count` clients that stay, so that some are connected even if all others have gone."""
        await asyncio.gather(*(self._join(self._factory.listener(Lingerer)) for _ in range(count)))

    async def _race(self, _: int) -> None:
        number = next(self._racers)
        await self._join(self._late_client(f"racer-{number}", number))

    async def _come_late(self, n: int) -> None:
        await self._join(self._late_client(f"late-{n}", n))

    async def _connect_silently(self, n: int) -> None:
        await self._join(self._factory.listener(SilentPeer, f"late-silent-peer-{n}"))

    async def _visit_briefly(self, n: int) -> None:
        await self._join(self._factory.listener(BriefVisitor, f"brief-visitor-{n}"))

    def _late_client(self, name: str, number: int) -> Cooperative:
        client = self._factory.listener(Cooperative, name)
        if client.subprotocol is None and number % 3 == 1:
            client.subprotocol = UNKNOWN_SUBPROTOCOL
        return client

    async def _join(self, client: Client) -> None:
        await self._crowd.join(client, JOIN_TIMEOUT_S)
