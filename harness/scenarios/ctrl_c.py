"""Ctrl+C reaches the whole process group, and then the supervisor sends SIGTERM: that is one request to stop, not two.

Source: the drain contract, clause 22; if the second signal forced the stop, every client would be cut off.
"""

from __future__ import annotations

import signal

from ..clients.mix import ClientMix
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage

SUPERVISOR_AFTER_S = 0.3
SUPERVISOR_AT_ONCE_S = 0.01  # for a server that may exit soon: it does not declare how long it serves


def mix(clients: int) -> ClientMix:
    """Most of them stay."""
    return ClientMix(lingerers=max(3, clients - clients // 5 - 2), cooperative=clients // 5, talkers=2, eviction_s=1.0)


async def perform(stage: Stage) -> None:
    """SIGINT to the group, SIGTERM to the process, and see it end."""
    await stage.open_crowd()
    await stage.warm_up()
    await stage.signal(signal.SIGINT, to="group")
    may_be_gone_soon = stage.history.terms.drain_timeout_s is None
    await stage.until(SUPERVISOR_AT_ONCE_S if may_be_gone_soon else SUPERVISOR_AFTER_S)
    stage.target.signal(signal.SIGTERM)
    await stage.until_exit()


SCENARIO = Scenario(
    name="ctrl_c",
    position=70,
    enough=60,
    story=__doc__,
    clauses=(1, 2, 3, 5, 6, 9, 12, 13, 18, 19, 20, 22, 27, 28, 29, 30, 35),
    mix=mix,
    perform=perform,
    asks=Ask(clients=100, timeout_s=2.0, close_timeout_s=1.5),
)
