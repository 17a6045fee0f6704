"""Who slips in between the signal and the drain is served, but never told."""

from __future__ import annotations

import asyncio

from server.drain.events import Notify
from server.drain.shutdown import Shutdown
from server.drain.uvicorn import running_server
from server.main import app as app

SCENARIO = "drain"
FAILS = {4}

drain, joined, perform = Shutdown.drain, Shutdown.joined, Shutdown._perform
slipped_in = set()


async def drain_a_little_later(self):
    """Give racers time to slip in."""
    await asyncio.sleep(0.05)
    await drain(self)


def note_who_slipped_in(self, connection):
    """After the signal, before the drain."""
    joined(self, connection)
    if running_server().should_exit:
        slipped_in.add(connection.number)


def tell_only_the_others(self, effect):
    """The fault."""
    if isinstance(effect, Notify):
        effect = Notify(tuple(moment for moment in effect.moments if moment[0] not in slipped_in), effect.deadline)
    perform(self, effect)


Shutdown.phase = property(lambda self: self._machine.phase)
Shutdown.drain, Shutdown.joined, Shutdown._perform = drain_a_little_later, note_who_slipped_in, tell_only_the_others
