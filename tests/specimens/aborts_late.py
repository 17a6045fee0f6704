"""Clients that are still connected when the close timeout ends are aborted three seconds late."""

from __future__ import annotations

import asyncio

from server.drain.events import Abort
from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "hostile"
FAILS = {17}

perform = Shutdown._perform


def abort_late(self, effect):
    """The fault."""
    if isinstance(effect, Abort):
        asyncio.get_running_loop().call_later(3, perform, self, effect)
    else:
        perform(self, effect)


Shutdown._perform = abort_late
