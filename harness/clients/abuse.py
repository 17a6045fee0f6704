"""Attackers beside the crowd: how many of each kind, how often they come again, and the stalled readers among them.

Owns the numbers, which follow from that of the honest clients, and the moments. Refuses to know the bytes of an attack
(`flooders`) and what the target should do. With a thousand honest clients there are two thousand half handshakes, fifty
flooders of each kind and two hundred stalled readers. All connect one after another, `COME_PER_S` a second, and those
that were cut off come again as often: an attacker that costs a core of the harness would delay what it observes.

Messages are flooded into a room of the flooder's own where the target has rooms, and what stalled readers ask for comes
to them alone. Where all hear everything flooders they are said no
faster than the honest clients can listen: a flood with a thousand hearers is a load of the harness itself.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from .crowd import Crowd
from .dialects import Envelope
from .flooders import (
    ALL_BYTES_PER_S,
    KINDS,
    PACE_BYTES_PER_S,
    Flooder,
    HeldHandshake,
    MessageFlooder,
)
from .mix import DELIVERIES_PER_S, ClientFactory

COME_PER_S = 400.0
LEAST_AGAIN_S = 0.5
STALLED_BYTES = 600_000  # that all stalled readers ask for: less than servers commonly keep for one client (1 MiB)
HEARD_BYTES = 20_000_000  # what that may come to where every honest client hears it
STALLED_ROOM = "stalled-readers"
JOIN_WITHIN_S = 5.0


class Sizes(NamedTuple):
    """How many attackers there are: half handshakes, flooders of each kind, stalled readers."""

    half_handshakes: int
    flooders: int
    stalled: int

    @property
    def all(self) -> int:
        """All of them."""
        return self.half_handshakes + self.flooders * len(KINDS) + self.stalled


def sizes_for(honest: int) -> Sizes:
    """The attackers beside so many honest clients, at least one of each kind."""
    return Sizes(max(1, 2 * honest), max(1, honest // 20), max(1, honest // 5))


class Abuse:
    """The attackers of one run. `keep` runs a coroutine without an end (`Probes.keep`)."""

    def __init__(
        self, sizes: Sizes, factory: ClientFactory, crowd: Crowd, keep: Callable[[Coroutine[Any, Any, Any]], object]
    ) -> None:
        self.sizes = sizes
        self._factory = factory
        self._crowd = crowd
        self._keep = keep
        self._dice = random.Random(factory.dice.random())
        self._pace = min(PACE_BYTES_PER_S, ALL_BYTES_PER_S / (sizes.flooders * len(KINDS)))
        self._again_s = max(LEAST_AGAIN_S, sizes.all / COME_PER_S)

    @property
    def comes_within_s(self) -> float:
        """The time within which all have come for the first time."""
        return self.sizes.all / COME_PER_S

    def begin(self) -> None:
        """Let all of them come, at random moments."""
        counts = dict.fromkeys(KINDS, self.sizes.flooders) | {HeldHandshake: self.sizes.half_handshakes}
        for kind, count in counts.items():
            for number in range(count):
                self._keep(self._again_and_again(kind, f"{kind.persona}-{number}", number))
        for _ in range(self.sizes.stalled):
            self._keep(self._stall())

    async def _again_and_again(self, kind: type[Flooder], name: str, number: int) -> None:
        await asyncio.sleep(self._dice.random() * self.comes_within_s)
        while True:
            await self._flooder(kind, name, number).attack(self._crowd.port)
            await asyncio.sleep(self._again_s * self._dice.uniform(0.5, 1.5))

    def _flooder(self, kind: type[Flooder], name: str, number: int) -> Flooder:
        profile = self._factory.profile
        dialect = Envelope(name, room=name) if profile.envelopes else self._factory.dialect_of(name)
        pace = self._pace
        if kind is MessageFlooder and profile.broadcasts and not profile.envelopes:
            pace = DELIVERIES_PER_S / self._factory.mix.size / self.sizes.flooders
        path = profile.ws.replace("{client}", name).replace("{number}", str(number))
        return kind(name, self._factory.history, dialect, path, pace, self._dice)

    async def _stall(self) -> None:
        await asyncio.sleep(self._dice.random() * self.comes_within_s)
        stalled, together = self._factory.stalled_reader(), STALLED_BYTES
        if self._factory.profile.envelopes:
            stalled.ask_in_a_room(STALLED_ROOM)
        else:
            together = min(together, HEARD_BYTES // self._factory.mix.size)
        stalled.asks, stalled.ballast = 1, " " + "x" * (together // self.sizes.stalled)
        await self._crowd.join(stalled, JOIN_WITHIN_S)
