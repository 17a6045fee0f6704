"""A server that was stopped (SIGSTOP) across its deadline evicts as soon as it continues, at its pace.

As on a laptop that was closed, or a virtual machine that was moved. Source: the drain contract, clause 26.
"""

from __future__ import annotations

from ..clients.mix import ClientMix
from ..faults.frozen import frozen
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage

FREEZE_AT, THAW_AT = -1.5, 0.2  # from the deadline, in seconds


def mix(clients: int) -> ClientMix:
    """Most of them stay."""
    return ClientMix(lingerers=max(3, clients - clients // 5), cooperative=clients // 5, eviction_s=1.0)


async def perform(stage: Stage) -> None:
    """Signal, stop the process (SIGSTOP), let it continue."""
    await stage.open_crowd()
    await stage.warm_up()
    await stage.signal(joiners=False)
    deadline_s = stage.history.terms.drain_timeout_s
    assert deadline_s is not None, "the scenario needs one"
    await stage.until(deadline_s + FREEZE_AT)
    with frozen(stage.target):
        await stage.until(deadline_s + THAW_AT)
    await stage.until_exit()


SCENARIO = Scenario(
    name="frozen_across_the_deadline",
    position=130,
    enough=60,
    story=__doc__,
    clauses=(5, 12, 13, 18, 19, 20, 26, 28, 29, 30, 35),
    mix=mix,
    least_drain_timeout_s=-FREEZE_AT,
    perform=perform,
    asks=Ask(clients=100, timeout_s=2.0, close_timeout_s=1.5),
)
