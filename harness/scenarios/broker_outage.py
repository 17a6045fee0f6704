"""What the scenarios with a broker outage have in common: the clients, the load and the clauses.

Owns what happens before and after the outage. The outage itself is in each scenario's file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ..clients.mix import ClientMix
from ..faults.broker import Broker
from ..targets.declaration import Ask
from .resume_load import resume_load
from .scenario import Scenario
from .stage import Stage

BEFORE_S = 0.5
STAYERS = 10


def mix(clients: int) -> ClientMix:
    """Most clients stay; the reconnecting ones are not counted here."""
    return ClientMix(lingerers=max(10, clients - clients // 5), cooperative=clients // 5, eviction_s=1.0)


def broker_outage(
    name: str, position: int, story: str | None, phase: str, outage: Callable[[Broker], Awaitable[None]]
) -> Scenario:
    """An `outage` under load, then time for delayed messages to arrive, then a drain."""

    async def perform(stage: Stage) -> None:
        assert stage.broker is not None, "the scenario asks for one"
        await stage.open_crowd()
        await stage.warm_up()
        async with resume_load(stage):
            await asyncio.sleep(BEFORE_S)
            stage.enter(phase)
            await outage(stage.broker)
        await stage.late_handshakes.stay(STAYERS)
        await stage.signal(joiners=False)
        await stage.until_exit()

    return Scenario(
        name=name,
        position=position,
        enough=50,
        story=story,
        clauses=(1, 2, 5, 6, 10, 12, 13, 18, 19, 20, 28, 29, 30, 33, 35),
        mix=mix,
        perform=perform,
        broker=True,
        asks=Ask(clients=50, timeout_s=1.5, close_timeout_s=1.5, quiet=True),
    )
