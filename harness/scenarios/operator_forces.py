"""When an operator presses Ctrl+C again, a while later, every client is closed at once, and properly.

Source: the drain contract, clause 23. The exit status says that it was forced.
"""

from __future__ import annotations

import signal

from ..clients.mix import ClientMix
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage

AGAIN_AFTER_S = 1.5
EVICTED_WITHIN_S = 1.0  # after the second Ctrl+C: no deadline may come in between


def mix(clients: int) -> ClientMix:
    """Most clients stay; some never answer the close frame."""
    return ClientMix(lingerers=max(3, clients - 4), talkers=2, close_ignorers=2, eviction_s=1.0)


async def perform(stage: Stage) -> None:
    """SIGINT to the group, and again."""
    await stage.open_crowd()
    await stage.warm_up()
    await stage.signal(signal.SIGINT, to="group")
    await stage.until(AGAIN_AFTER_S)
    stage.target.signal(signal.SIGINT, "group")
    await stage.until_exit()


SCENARIO = Scenario(
    name="operator_forces",
    position=80,
    enough=60,
    story=__doc__,
    clauses=(1, 2, 3, 5, 6, 12, 13, 14, 18, 19, 20, 23, 27, 28, 29, 30, 35),
    mix=mix,
    least_drain_timeout_s=AGAIN_AFTER_S + EVICTED_WITHIN_S,
    perform=perform,
    asks=Ask(clients=100, timeout_s=4.0, close_timeout_s=1.5),
)
