"""A broker that stands still for 3 s holds nobody: who publishes is told within a second that it cannot be done, nobody
is disconnected, and afterwards nothing is lost or doubled.

SIGSTOP and SIGCONT: its connections stand, and nothing is answered on them. Source: issue 5, "Brokers"; the drain
contract, clauses 12 and 33.
"""

from __future__ import annotations

import asyncio

from harness.clients.cast import Cast
from harness.comeback import under_load
from harness.profile import Ask
from harness.scenarios.scenario import Scenario
from harness.stage import Stage

BEFORE_S, STILL_S, AFTER_S = 0.5, 3.0, 1.0
NEWCOMERS = 10


def cast(clients: int) -> Cast:
    """Most of them stay; those that come back are not counted here."""
    return Cast(lingerers=max(10, clients - clients // 5), cooperative=clients // 5, eviction_s=1.0)


async def perform(stage: Stage) -> None:
    """Load, stop the broker, let it go on, and end it."""
    assert stage.broker is not None, "the scenario asks for one"
    await stage.open_crowd()
    await stage.warm_up()
    async with under_load(stage):
        await asyncio.sleep(BEFORE_S)
        stage.enter("the broker stands still")
        with stage.broker.frozen():
            await asyncio.sleep(STILL_S)
        await asyncio.sleep(AFTER_S)
    await stage.newcomers.stay(NEWCOMERS)
    await stage.signal(joiners=False)
    await stage.until_exit()


SCENARIO = Scenario(
    name="broker_stalls",
    story=__doc__,
    clauses=(1, 2, 5, 6, 10, 12, 13, 18, 19, 20, 28, 29, 30, 33),
    cast=cast,
    perform=perform,
    broker=True,
    asks=Ask(clients=50, timeout_s=1.5, close_timeout_s=1.5, quiet=True),
)
