"""A client that leaves pings unanswered counts as dead: it is closed for that, and no other client is.

The target pings twice a second. Source: RFC 6455 §5.5.2; the drain contract, clause 12 ("its own fault: dead peer").
"""

from __future__ import annotations

from ..clients.mix import ClientMix
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage


def mix(clients: int) -> ClientMix:
    """Three clients that ignore pings, among clients that answer."""
    return ClientMix(lingerers=max(3, clients - 5), talkers=2, ping_ignorers=3, eviction_s=1.0)


async def perform(stage: Stage) -> None:
    """Arrange, load, signal, and see it end."""
    await stage.open_crowd()
    await stage.warm_up()
    await stage.signal(joiners=False)
    await stage.until_exit()


SCENARIO = Scenario(
    name="dead_peers",
    position=50,
    enough=30,
    story=__doc__,
    clauses=(5, 9, 12, 13, 18, 19, 20, 28, 29, 30, 35),
    mix=mix,
    perform=perform,
    needs="ping_options",
    asks=Ask(clients=60, timeout_s=1.5, close_timeout_s=1.5),
)
