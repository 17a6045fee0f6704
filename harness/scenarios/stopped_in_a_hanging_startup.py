"""Told to stop while its startup hangs, as for a database that is not there, a server is gone at once all the same.

Source: the drain contract, clause 24; uvicorn itself waits for a startup however long it hangs.
"""

from __future__ import annotations

from harness.clients.cast import Cast
from harness.scenarios.scenario import Scenario
from harness.stage import Stage

LONGEST_IMPORT_S, BOUND_S = 10.0, 5.0


def cast(_: int) -> Cast:
    """Nobody can be there yet."""
    return Cast()


async def perform(stage: Stage) -> None:
    """Signal in the middle of the startup."""
    stage.begin_probes()
    await stage.target.until_idle(within_s=LONGEST_IMPORT_S)
    await stage.signal(joiners=False)
    await stage.until_exit(BOUND_S)


SCENARIO = Scenario(
    name="stopped_in_a_hanging_startup",
    story=__doc__,
    clauses=(19, 20, 24, 30),
    cast=cast,
    perform=perform,
    needs="startup_command",
    comes_up=False,
    words={"startup": "hanging"},
)
