"""All workers are replaced, one after another, while the host serves: their clients get a notice, move at their advised
moments and lose nothing; a client that connects while a worker is replaced is answered.

SIGHUP to the launcher under load; the host itself is told to stop only after that. Source: the drain contract, clauses
32 and 33.
"""

from __future__ import annotations

import asyncio

from ..clients.mix import ClientMix
from ..faults.rolled import roll, until_replaced
from ..targets.declaration import Ask
from .resume_load import resume_load
from .scenario import Scenario
from .stage import Stage

BEFORE_S, LONGEST_ROLL_S = 0.5, 15.0


def mix(clients: int) -> ClientMix:
    """Clients that connect when all workers are replaced, and stay."""
    return ClientMix(lingerers=max(10, clients), eviction_s=1.0)


async def perform(stage: Stage) -> None:
    """Load, replace all workers, let the clients connect, and stop the host."""
    stage.begin_probes()
    stage.late_handshakes.visit_briefly()
    async with resume_load(stage):
        await asyncio.sleep(BEFORE_S)
        stage.enter("the workers are replaced")
        await until_replaced(stage.target, await roll(stage.target), LONGEST_ROLL_S)
    await stage.late_handshakes.stay(stage.mix.lingerers)
    stage.target.note_children()
    await stage.signal(joiners=False)
    await stage.until_exit()


SCENARIO = Scenario(
    name="worker_retires",
    position=160,
    enough=50,
    story=__doc__,
    clauses=(1, 2, 3, 5, 6, 10, 12, 13, 18, 19, 20, 27, 28, 29, 30, 32, 33, 35),
    mix=mix,
    perform=perform,
    workers=True,
    asks=Ask(clients=50, timeout_s=2.5, close_timeout_s=1.5, quiet=True),
)
