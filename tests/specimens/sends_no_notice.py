"""No client gets a notice; all are served until the deadline and then closed without warning."""

from __future__ import annotations

import asyncio

from server.drain.events import Notify
from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "drain"
FAILS = {4, 5, 6, 8}

drain, perform = Shutdown.drain, Shutdown._perform


async def drain_50_ms_late(self):
    """Give racers time to connect, so that there always are some."""
    await asyncio.sleep(0.05)
    await drain(self)


def perform_all_but_notices(self, effect):
    """The fault."""
    if not isinstance(effect, Notify):
        perform(self, effect)


Shutdown.phase = property(lambda self: self._machine.phase)
Shutdown.drain, Shutdown._perform = drain_50_ms_late, perform_all_but_notices
