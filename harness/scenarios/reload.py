"""A server that reloads itself because a source file has changed drains before it does so.

Its parent starts the next one once it has gone, and is then stopped itself. Source: the drain contract, clause 25;
uvicorn's `--reload`.
"""

from __future__ import annotations

import signal

from ..clients.mix import ClientMix
from ..faults.touched import source_touched
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage


def mix(clients: int) -> ClientMix:
    """Most of them stay."""
    return ClientMix(lingerers=max(3, clients - clients // 5), cooperative=clients // 5, eviction_s=1.0)


async def perform(stage: Stage) -> None:
    """Touch a file, see every client leave, and stop the parent."""
    await stage.open_crowd()
    await stage.warm_up()
    with source_touched(stage.target):
        stage.play_on()
        await stage.until_empty()
    stage.target.signal(signal.SIGTERM)
    await stage.until_exit()


SCENARIO = Scenario(
    name="reload",
    position=120,
    enough=30,
    story=__doc__,
    clauses=(5, 12, 13, 20, 25, 35),
    mix=mix,
    perform=perform,
    needs="reload_options",
    parent_delay_s=1.0,
    asks=Ask(clients=60, timeout_s=2.0, close_timeout_s=1.5),
)
