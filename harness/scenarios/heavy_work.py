"""Unfinished work for clients that have gone delays neither the exit nor the answers to other clients.

Each quitter asks for two seconds of a core and leaves after a moment; every other client leaves too, in the first half
of the drain timeout. Source: the drain contract, clause 16.
"""

from __future__ import annotations

from ..clients.mix import ClientMix
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage


def mix(clients: int) -> ClientMix:
    """No client that stays."""
    return ClientMix(quitters=4, cooperative=max(3, clients - 4), eviction_s=1.0)


async def perform(stage: Stage) -> None:
    """Signal in the middle of the work, and see it end."""
    await stage.open_crowd()
    await stage.warm_up()
    await stage.signal(joiners=False)
    await stage.until_exit()


SCENARIO = Scenario(
    name="heavy_work",
    position=140,
    enough=30,
    story=__doc__,
    clauses=(1, 2, 5, 6, 11, 16, 18, 19, 20, 28, 29, 30, 35),
    mix=mix,
    perform=perform,
    needs="heavy",
    asks=Ask(clients=60, timeout_s=5.0, close_timeout_s=1.5),
    one_stop=True,
)
