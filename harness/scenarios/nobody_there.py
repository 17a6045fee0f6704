"""With no client at all a server has nothing to wait for: told to stop, it is gone within 1 s.

Source: the drain contract, phases (everyone left: straight to STOPPED) and clause 16.
"""

from __future__ import annotations

from harness.clients.cast import Cast
from harness.scenarios.scenario import Scenario
from harness.stage import Stage


def cast(_: int) -> Cast:
    """Nobody, however many were asked for."""
    return Cast()


async def perform(stage: Stage) -> None:
    """Only probes, then the signal; nobody joins, or somebody would be there."""
    await stage.warm_up()
    await stage.signal(joiners=False)
    await stage.until_exit()


SCENARIO = Scenario(name="nobody_there", story=__doc__, clauses=(16, 18, 19, 20, 30), cast=cast, perform=perform)
