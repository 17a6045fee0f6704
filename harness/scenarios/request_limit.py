"""A stop that nobody has asked for by a signal, because so many requests were served, drains as any other.

Source: the drain contract, clause 25; uvicorn's `--limit-max-requests`.
"""

from __future__ import annotations

from harness.clients.cast import Cast
from harness.faults.request_limit import request_limit_reached
from harness.profile import Ask
from harness.scenarios.scenario import Scenario
from harness.stage import Stage


def cast(clients: int) -> Cast:
    """Most of them stay."""
    return Cast(lingerers=max(3, clients - clients // 5 - 2), cooperative=clients // 5, talkers=2, eviction_s=1.0)


async def perform(stage: Stage) -> None:
    """Ask until it has had enough, and see it end."""
    await stage.open_crowd()
    await stage.warm_up()
    async with request_limit_reached(stage.probes, stage.history, stage.request_limit, stage.profile.health or "/"):
        stage.told()
        await stage.until_exit()


SCENARIO = Scenario(
    name="request_limit",
    story=__doc__,
    clauses=(1, 5, 6, 9, 12, 13, 18, 19, 20, 25, 27, 28, 29, 30),
    cast=cast,
    perform=perform,
    needs="limit_options",
    asks=Ask(clients=100, timeout_s=2.0, close_timeout_s=1.5),
)
