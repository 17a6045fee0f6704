"""A worker that is killed outright takes only its own connections with it: its clients resume on another worker
with nothing lost, and every handshake that is begun in that second is answered or reset.

SIGKILL under load, as by the kernel when memory runs out. Source: the drain contract, clauses 32 and 34.
"""

from __future__ import annotations

import asyncio

from ..clients.mix import ClientMix
from ..faults.worker import kill_worker, until_serving
from ..targets.declaration import Ask
from .resume_load import resume_load
from .scenario import Scenario
from .stage import Stage

BEFORE_S, AFTER_S = 0.5, 2.0
LONGEST_START_S = 15.0  # one that is not replaced by then is judged as it is
STAYERS = 10


def mix(clients: int) -> ClientMix:
    """Most clients stay; the reconnecting ones are not counted here."""
    return ClientMix(lingerers=max(10, clients - clients // 5), cooperative=clients // 5, eviction_s=1.0)


async def perform(stage: Stage) -> None:
    """Load, kill one worker, let its clients reconnect and its successor serve, then drain."""
    await stage.open_crowd()
    await stage.warm_up()
    stage.late_handshakes.visit_briefly()
    async with resume_load(stage):
        await asyncio.sleep(BEFORE_S)
        stage.enter("one worker is killed")
        await kill_worker(stage.target)
        await asyncio.sleep(AFTER_S)
        await until_serving(stage.target, stage.profile.processes, LONGEST_START_S)
    stage.target.note_children()
    await stage.late_handshakes.stay(STAYERS)
    await stage.signal(joiners=False)
    await stage.until_exit()


SCENARIO = Scenario(
    name="worker_dies",
    position=150,
    enough=50,
    story=__doc__,
    clauses=(1, 2, 3, 5, 6, 10, 12, 13, 18, 19, 20, 27, 28, 29, 30, 32, 33, 34, 35),
    mix=mix,
    perform=perform,
    workers=True,
    asks=Ask(clients=50, timeout_s=1.5, close_timeout_s=1.5, quiet=True),
)
