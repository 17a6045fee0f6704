"""Ten thousand clients are drained with hardly any more memory, and readiness answers throughout.

By name only: it takes half a minute and two cores. Source: the drain contract, clause 31.
"""

from __future__ import annotations

from ..clients.mix import ClientMix
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage

CLIENTS = 10_000


def mix(_: int) -> ClientMix:
    """Ten thousand clients and a few, whatever number was asked for."""
    return ClientMix(lingerers=CLIENTS - 2000, cooperative=2000, leavers=50, eviction_s=16.0)


async def perform(stage: Stage) -> None:
    """Arrange, signal, and see it end."""
    await stage.open_crowd()
    await stage.warm_up()
    await stage.signal(joiners=False)
    await stage.until_exit()


SCENARIO = Scenario(
    name="ten_thousand",
    position=210,
    enough=CLIENTS,
    story=__doc__,
    clauses=(1, 2, 5, 6, 8, 12, 13, 15, 17, 18, 19, 20, 27, 28, 29, 30, 31, 35),
    mix=mix,
    perform=perform,
    asks=Ask(clients=CLIENTS, timeout_s=4.0, close_timeout_s=3.0, quiet=True),
    by_name_only=True,
    one_stop=True,
)
