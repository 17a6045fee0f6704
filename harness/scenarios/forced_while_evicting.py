"""When an operator presses Ctrl+C again while clients are being evicted, the pace no longer counts: those who are left
are closed at once, and properly.

Source: the drain contract, clause 23.
"""

from __future__ import annotations

import signal

from ..clients.mix import ClientMix, enough_of_a_kind
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage

EVICTING_S = 0.5  # from the deadline to the second Ctrl+C


def mix(clients: int) -> ClientMix:
    """Most clients stay, and would be evicted slowly; some never answer the close frame."""
    enough = enough_of_a_kind(clients)
    return ClientMix(
        lingerers=max(3, clients - 2 * enough - 4),
        interrupted=enough,
        talkers=2,
        close_ignorers=2,
        leavers=enough,
        eviction_s=4.0,
    )


async def perform(stage: Stage) -> None:
    """SIGINT to the group, and again when some have been evicted."""
    await stage.open_crowd()
    await stage.warm_up()
    await stage.signal(signal.SIGINT, joiners=False, to="group")
    deadline_s = stage.history.terms.drain_timeout_s
    assert deadline_s is not None, "the scenario needs one"
    await stage.until(deadline_s + EVICTING_S)
    stage.target.signal(signal.SIGINT, "group")
    await stage.until_exit()


SCENARIO = Scenario(
    name="forced_while_evicting",
    position=85,
    enough=60,
    story=__doc__,
    clauses=(5, 6, 12, 13, 14, 18, 19, 20, 23, 27, 28, 29, 30, 35),
    mix=mix,
    perform=perform,
    needs="pace_env",
    least_drain_timeout_s=0.0,
    asks=Ask(clients=100, timeout_s=1.5, close_timeout_s=1.5),
)
