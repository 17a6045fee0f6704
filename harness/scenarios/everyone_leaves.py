"""When every client leaves of its own accord before the deadline, the server does not wait for the deadline: it exits
within 1 s.

Cooperative clients leave at the moment that their notice advises, the others at moments of their own, all of them in
the first half of the drain timeout: four seconds are left when the last has gone, so that a server that waits for its
deadline cannot look as if it did not. No client is evicted. Source: the drain contract, clause 16; Phoenix' socket
drainer, which ends when its last socket has gone.
"""

from __future__ import annotations

from dataclasses import replace

from ..clients.mix import ClientMix, enough_of_a_kind
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage


def mix(clients: int) -> ClientMix:
    """No client that stays."""
    leavers = ClientMix(leavers=max(1, clients // 6), leavers_at_signal=enough_of_a_kind(clients))
    return replace(leavers, cooperative=max(1, clients - leavers.size), left_by=0.5)


async def perform(stage: Stage) -> None:
    """Arrange, load, signal, and see it end."""
    await stage.open_crowd()
    stage.hold_idle_connections()
    await stage.warm_up()
    await stage.signal()
    await stage.until_exit()


SCENARIO = Scenario(
    name="everyone_leaves",
    position=20,
    enough=100,
    story=__doc__,
    clauses=(1, 2, 3, 4, 5, 6, 8, 11, 16, 18, 19, 20, 28, 29, 30, 35),
    mix=mix,
    perform=perform,
    asks=Ask(clients=100_000, timeout_s=8.0),
    one_stop=True,
)
