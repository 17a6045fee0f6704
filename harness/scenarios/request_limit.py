"""A stop without a signal, because the limit of requests was reached, drains as any other.

Source: the drain contract, clause 25; uvicorn's `--limit-max-requests`.
"""

from __future__ import annotations

from ..clients.mix import ClientMix
from ..faults.request_limit import request_limit_reached
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage


def mix(clients: int) -> ClientMix:
    """Most of them stay."""
    return ClientMix(lingerers=max(3, clients - clients // 5 - 2), cooperative=clients // 5, talkers=2, eviction_s=1.0)


async def perform(stage: Stage) -> None:
    """Send requests until the limit is reached, and see it end."""
    await stage.open_crowd()
    await stage.warm_up()
    async with request_limit_reached(stage.probes, stage.history, stage.request_limit, stage.profile.health or "/"):
        stage.play_on()
        await stage.until_exit()


SCENARIO = Scenario(
    name="request_limit",
    position=110,
    enough=60,
    story=__doc__,
    clauses=(1, 5, 6, 9, 12, 13, 18, 19, 20, 25, 27, 28, 29, 30, 35),
    mix=mix,
    perform=perform,
    needs="limit_options",
    asks=Ask(clients=100, timeout_s=2.0, close_timeout_s=1.5),
)
