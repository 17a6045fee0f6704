"""Attacked in earnest, a server goes on serving its honest clients as before, with bounded memory, and drains as ever.

After a quiet while come half handshakes that are held open, headers without end, floods of pings, pongs, empty
fragments, messages and newcomers, oversized messages that are never finished, pings whose pongs are not read, and
clients that do not read at all; each comes again when it is cut off. The server is told to stop while all of that goes
on. With `--clients 1000` there are 2,000 half handshakes, 50 flooders of each kind and 200 stalled readers.

By name only: it wants the machine for itself. The target keeps its own limits on how fast one client may send; the
honest clients stay below 5 messages a second. Source: the drain contract, *Under abuse*, clauses 7 and 17.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ..clients.abuse import Abuse, sizes_for
from ..clients.mix import LOUDEST, ClientMix, enough_of_a_kind
from ..history.attack import ABUSE, QUIET, UNDER_ABUSE
from ..targets.declaration import Ask
from .scenario import Scenario
from .stage import Stage

QUIET_S = 4.0
ABUSE_S = 8.0
VISIT_EVERY_S = 0.25
MOST_HONEST = 4000


def mix(clients: int) -> ClientMix:
    """The honest clients, much as in a `drain`: they listen, talk, and leave as they like."""
    enough = enough_of_a_kind(clients)
    others = ClientMix(
        cooperative=clients // 4,
        leavers=enough,
        leavers_at_signal=enough,
        late_leavers=round(1.5 * enough),
        late_answerers=enough,
        interrupted=enough,
        talkers=min(enough, LOUDEST),
        attackers=sizes_for(clients).all,
    )
    return replace(others, lingerers=max(3, clients - others.size))


async def perform(stage: Stage) -> None:
    """Arrange, load, look at it while it is quiet, attack, signal, and see it end."""
    await stage.open_crowd()
    await stage.warm_up()
    stage.late_handshakes.visit_briefly(VISIT_EVERY_S)
    stage.enter(QUIET)
    await asyncio.sleep(QUIET_S)
    abuse = Abuse(sizes_for(stage.mix.size), stage.factory, stage.crowd, stage.probes.keep)
    stage.enter(ABUSE)
    abuse.begin()
    await asyncio.sleep(abuse.comes_within_s)
    stage.enter(UNDER_ABUSE)
    await asyncio.sleep(ABUSE_S)
    await stage.signal()
    await stage.until_exit()


SCENARIO = Scenario(
    name="abuse",
    position=205,
    enough=100,
    story=__doc__,
    clauses=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 30, 35),
    claims=("honest-unmoved", "memory-bounded", "ready-throughout", "nobody-honest-dropped"),
    mix=mix,
    perform=perform,
    asks=Ask(clients=MOST_HONEST, timeout_s=5.0, close_timeout_s=2.0),
    by_name_only=True,
    usual=100,
    limited=True,
)
