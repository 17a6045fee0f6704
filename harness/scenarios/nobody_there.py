"""With no client at all a server has nothing to wait for: told to stop, it is gone within 1 s.

Load balancers and scrapers keep HTTP connections open; an idle one has no client, and must not delay the stop either.
Source: the drain contract, phases (everyone left: straight to STOPPED) and clause 16.
"""

from __future__ import annotations

from ..clients.mix import ClientMix
from .scenario import Scenario
from .stage import Stage


def mix(_: int) -> ClientMix:
    """No client, however many were asked for."""
    return ClientMix()


async def perform(stage: Stage) -> None:
    """Only probes, then the signal, without late handshakes: one of them would be a client."""
    stage.hold_idle_connections()
    await stage.warm_up()
    await stage.signal(joiners=False)
    await stage.until_exit()


SCENARIO = Scenario(
    name="nobody_there",
    position=30,
    enough=1,
    story=__doc__,
    clauses=(16, 18, 19, 20, 30),
    mix=mix,
    perform=perform,
    one_stop=True,
)
