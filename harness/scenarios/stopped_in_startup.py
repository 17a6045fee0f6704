"""A server that is told to stop while it starts exits at once, and is never ready.

Startup takes three seconds, and the signal comes once it waits. Source: the drain contract, clause 24.
"""

from __future__ import annotations

from ..clients.mix import ClientMix
from .scenario import Scenario
from .stage import Stage

LONGEST_IMPORT_S, BOUND_S = 10.0, 5.0


def mix(_: int) -> ClientMix:
    """No client can be connected yet."""
    return ClientMix()


async def perform(stage: Stage) -> None:
    """Signal in the middle of the startup."""
    stage.begin_probes()
    await stage.target.until_idle(within_s=LONGEST_IMPORT_S)
    await stage.signal(joiners=False)
    await stage.until_exit(BOUND_S)


SCENARIO = Scenario(
    name="stopped_in_startup",
    position=90,
    enough=1,
    story=__doc__,
    clauses=(19, 20, 24, 30),
    mix=mix,
    perform=perform,
    needs="startup_command",
    comes_up=False,
    words={"startup": "slow"},
)
