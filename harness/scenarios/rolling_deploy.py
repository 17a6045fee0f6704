"""A rolling deploy loses nothing: three hosts are replaced one after another under a steady load, and every client gets
every message exactly once and in order, whichever hosts it is moved to.

Clients move at the moment that their notice advises, resume there, and leave the old connection once the new one
stands. Each host drains to its exit before the next process starts on its port. Source: the drain contract, clause 33.
"""

from __future__ import annotations

from ..clients.mix import ClientMix
from ..targets.declaration import Ask
from .fleet_stage import FleetStage
from .scenario import Scenario

PER_S = 50.0
ALONE_S = 1.0


def mix(clients: int) -> ClientMix:
    """The clients that a host would have to evict if none followed its notice."""
    return ClientMix(lingerers=clients, eviction_s=2.0)


async def perform(stage: FleetStage) -> None:
    """Load, replace every host, and wait until all messages have arrived."""
    await stage.open_crowd()
    await stage.speak(PER_S, ALONE_S)
    for host in range(SCENARIO.hosts):
        await stage.replace(host)
    await stage.settle()


SCENARIO = Scenario(
    name="rolling_deploy",
    position=200,
    enough=150,
    story=__doc__,
    clauses=(33, 35),
    mix=mix,
    perform=perform,
    broker=True,
    hosts=3,
    asks=Ask(clients=100_000, timeout_s=6.0, close_timeout_s=2.0, quiet=True),
)
