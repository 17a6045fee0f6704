"""A hundred further SIGTERMs change nothing: no client gets a second notice, and deadline and exit status stay.

Source: the drain contract, clause 21; a SIGTERM that comes at the very end gave -15 instead of 0, 6 times of 6.
"""

from __future__ import annotations

from dataclasses import replace

from ..clients.mix import ClientMix
from ..faults.storm import storm_of_signals
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage

EVERY_S = 0.012


def mix(clients: int) -> ClientMix:
    """Most of them stay; nobody comes or goes just at t0, so that the report can be held to each that vanishes."""
    leaving = ClientMix(cooperative=clients // 5, talkers=2, resetters=min(3, clients // 10), eviction_s=1.0)
    return replace(leaving, lingerers=max(3, clients - leaving.size))


async def perform(stage: Stage) -> None:
    """Signal, and send more signals until it has exited."""
    await stage.open_crowd()
    await stage.warm_up()
    await stage.signal(joiners=False)
    async with storm_of_signals(stage.target, EVERY_S):
        await stage.until_exit()


SCENARIO = Scenario(
    name="hundred_sigterms",
    position=60,
    enough=60,
    story=__doc__,
    clauses=(5, 6, 9, 12, 13, 18, 19, 20, 21, 27, 28, 29, 30, 35),
    mix=mix,
    perform=perform,
    asks=Ask(clients=100, timeout_s=2.0, close_timeout_s=1.5),
)
