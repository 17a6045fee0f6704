"""Ctrl+C pressed again within a second, as an impatient hand does or a terminal that sends it twice, is still one
request to stop: at once and half a second later, and a supervisor's SIGTERM in between.

Source: the drain contract, clauses 22 and 23: only a SIGINT that comes more than 1 s after the first one is a force. A
launcher that hands a SIGINT on sends it a second time to processes that had it from the terminal.
"""

from __future__ import annotations

import signal

from ..clients.mix import ClientMix, enough_of_a_kind
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage

AT_ONCE_S, SUPERVISOR_AFTER_S, AGAIN_AFTER_S = 0.01, 0.3, 0.5


def mix(clients: int) -> ClientMix:
    """Most of them stay."""
    leave = enough_of_a_kind(clients)
    return ClientMix(
        lingerers=max(3, clients - 2 * leave - 2), cooperative=leave, leavers=leave, talkers=2, eviction_s=1.0
    )


async def perform(stage: Stage) -> None:
    """SIGINT to the group, three times in all, and see it end."""
    await stage.open_crowd()
    await stage.warm_up()
    await stage.signal(signal.SIGINT, joiners=False, to="group")
    await stage.until(AT_ONCE_S)
    stage.target.signal(signal.SIGINT, "group")
    await stage.until(SUPERVISOR_AFTER_S)
    stage.target.signal(signal.SIGTERM)
    await stage.until(AGAIN_AFTER_S)
    stage.target.signal(signal.SIGINT, "group")
    await stage.until_exit()


SCENARIO = Scenario(
    name="ctrl_c_twice",
    position=75,
    enough=60,
    story=__doc__,
    clauses=(5, 6, 12, 13, 18, 19, 20, 22, 27, 28, 29, 30, 35),
    mix=mix,
    perform=perform,
    asks=Ask(clients=100, timeout_s=1.5, close_timeout_s=1.5),
)
