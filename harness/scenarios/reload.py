"""A server that reloads itself because a source file has changed drains before it does.

Its parent starts the next one once it has gone, and is then told to stop itself. Source: the drain contract, clause 25;
uvicorn's `--reload`.
"""

from __future__ import annotations

import signal

from harness.clients.cast import Cast
from harness.faults.touched import source_touched
from harness.profile import Ask
from harness.scenarios.scenario import Scenario
from harness.stage import Stage


def cast(clients: int) -> Cast:
    """Most of them stay."""
    return Cast(lingerers=max(3, clients - clients // 5), cooperative=clients // 5, eviction_s=1.0)


async def perform(stage: Stage) -> None:
    """Touch a file, see everybody go, and end it."""
    await stage.open_crowd()
    await stage.warm_up()
    with source_touched(stage.target):
        stage.told()
        await stage.until_empty()
    stage.target.signal(signal.SIGTERM)
    await stage.until_exit()


SCENARIO = Scenario(
    name="reload",
    story=__doc__,
    clauses=(5, 12, 13, 20, 25),
    cast=cast,
    perform=perform,
    needs="reload_options",
    parent_delay_s=1.0,
    asks=Ask(clients=60, timeout_s=2.0, close_timeout_s=1.5),
)
