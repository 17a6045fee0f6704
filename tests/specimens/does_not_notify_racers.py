"""A client that connects between the signal and the start of the drain is served, but gets no notice."""

from __future__ import annotations

import asyncio

from server.drain.events import Notify
from server.drain.shutdown import Shutdown
from server.drain.uvicorn import running_server
from server.main import app as app

SCENARIO = "drain"
FAILS = {4}

drain, joined, perform = Shutdown.drain, Shutdown.joined, Shutdown._perform
racers = set()


async def drain_50_ms_late(self):
    """Give racers time to connect."""
    await asyncio.sleep(0.05)
    await drain(self)


def remember_racers(self, connection):
    """After the signal, before the drain."""
    joined(self, connection)
    if running_server().should_exit:
        racers.add(connection.number)


def notify_only_the_others(self, effect):
    """The fault."""
    if isinstance(effect, Notify):
        effect = Notify(tuple(moment for moment in effect.moments if moment[0] not in racers), effect.deadline)
    perform(self, effect)


Shutdown.phase = property(lambda self: self._machine.phase)
Shutdown.drain, Shutdown.joined, Shutdown._perform = drain_50_ms_late, remember_racers, notify_only_the_others
