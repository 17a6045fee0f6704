"""With every kind of hostile client connected, every other client gets all that it is owed, and the process exits in
bounded time.

Some do not read, some never answer a close frame, some never finish their handshake; others stop in the middle of a
sentence or vanish by RST. Source: the drain contract, clauses 7, 14 and 17; one stalled reader holds uvicorn for ever.
"""

from __future__ import annotations

from dataclasses import replace

from ..clients.mix import ClientMix
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage


def mix(clients: int) -> ClientMix:
    """Two or three of each hostile kind, and the rest as in a `drain`."""
    others = ClientMix(
        cooperative=clients // 10,
        leavers=3,
        busy_senders=1,
        talkers=2,
        stalled_readers=3,
        half_opens=2,
        ping_ignorers=1,
        close_ignorers=2,
        half_handshakes=2,
        mid_fragments=2,
        resetters=3,
        eviction_s=1.2,
    )
    return replace(others, lingerers=max(3, clients - others.size))


async def perform(stage: Stage) -> None:
    """Arrange, load, signal, and see it end."""
    await stage.open_crowd()
    await stage.warm_up()
    await stage.signal()
    await stage.until_exit()


SCENARIO = Scenario(
    name="hostile",
    position=40,
    story=__doc__,
    clauses=(1, 2, 3, 5, 6, 7, 9, 10, 12, 13, 14, 17, 18, 19, 20, 27, 28, 29, 30, 35),
    mix=mix,
    perform=perform,
    asks=Ask(clients=200, timeout_s=2.0, close_timeout_s=1.5),
)
