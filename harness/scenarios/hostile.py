"""With every kind of hostile client connected, every other client gets all that it is owed, and the process exits in
bounded time.

Some do not read, some never answer a close frame, some never finish their handshake or send nothing at all, before t0
and after; others stop in the middle of a message or reset their connection. Source: the drain contract, clauses 7, 14
and 17; one stalled reader keeps uvicorn from exiting for ever.
"""

from __future__ import annotations

from dataclasses import replace

from ..clients.mix import LOUDEST, ClientMix, enough_of_a_kind
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage

SILENT_AFTER_T0 = 10


def mix(clients: int) -> ClientMix:
    """Some of each hostile kind, and the others much as in a `drain`."""
    enough = enough_of_a_kind(clients)
    others = ClientMix(
        cooperative=clients // 10,
        leavers=enough,
        leavers_at_signal=enough,
        busy_senders=2,
        talkers=min(enough, LOUDEST),
        stalled_readers=3,
        half_opens=3,
        ping_ignorers=2,
        close_ignorers=3,
        half_handshakes=3,
        silent_peers=enough,
        mid_fragments=3,
        resetters=enough,
        eviction_s=1.2,
    )
    return replace(others, lingerers=max(3, clients - others.size))


async def perform(stage: Stage) -> None:
    """Arrange, load, signal, and see it end."""
    await stage.open_streams()
    await stage.open_crowd()
    stage.hold_idle_connections()
    await stage.warm_up()
    await stage.signal()
    stage.late_handshakes.connect_silently(SILENT_AFTER_T0, stage.ask.timeout_s)
    await stage.until_exit()


SCENARIO = Scenario(
    name="hostile",
    position=40,
    enough=100,
    story=__doc__,
    clauses=(1, 2, 3, 5, 6, 7, 9, 10, 12, 13, 14, 17, 18, 19, 20, 27, 28, 29, 30, 35),
    mix=mix,
    perform=perform,
    asks=Ask(clients=200, timeout_s=2.0, close_timeout_s=1.5),
    one_stop=True,
)
