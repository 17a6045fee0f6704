"""Nobody is told, not even who slips in last; all are served to the deadline, and then closed out of the blue."""

from __future__ import annotations

import asyncio

from server.drain.events import Notify
from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "drain"
FAILS = {4, 5, 6, 8}

drain, perform = Shutdown.drain, Shutdown._perform


async def drain_a_little_later(self):
    """Give racers time to slip in, so that there always are some."""
    await asyncio.sleep(0.05)
    await drain(self)


def keep_quiet(self, effect):
    """The fault."""
    if not isinstance(effect, Notify):
        perform(self, effect)


Shutdown.phase = property(lambda self: self._machine.phase)
Shutdown.drain, Shutdown._perform = drain_a_little_later, keep_quiet
