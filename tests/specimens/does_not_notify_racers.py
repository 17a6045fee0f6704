"""Every third client that connects between the signal and the start of the drain is served, but gets no notice."""

from __future__ import annotations

import asyncio

from server.drain.events import Gone, Notify
from server.drain.shutdown import Shutdown
from server.drain.uvicorn import running_server
from server.main import app as app

SCENARIO = "drain"
FAILS = {4}
SUBTLE = "only for one kind of client"

drain, joined, perform = Shutdown.drain, Shutdown.joined, Shutdown._perform
racers = set()


async def drain_50_ms_late(self):
    """Racers have time to connect."""
    await asyncio.sleep(0.05)
    await drain(self)


def remember_racers(self, connection):
    """After the signal, before the drain."""
    joined(self, connection)
    if running_server().should_exit and connection.number % 3 == 0:
        racers.add(connection.number)


def notify_only_the_others(self, effect):
    """The fault."""
    if isinstance(effect, Notify):
        effect = Notify(tuple(moment for moment in effect.moments if moment[0] not in racers), effect.deadline)
    perform(self, effect)


Shutdown.phase = property(lambda self: self._machine.phase)
Shutdown.drain, Shutdown.joined = drain_50_ms_late, remember_racers
Shutdown._perform = notify_only_the_others
Shutdown.gone = lambda self, left: self._feed(Gone(left.number, left.departure))  # which does not begin the drain
