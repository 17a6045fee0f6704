"""Who has not left by the end of the close timeout is cut off, but three seconds later."""

from __future__ import annotations

import asyncio

from server.drain.events import Abort
from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "hostile"
FAILS = {17}

perform = Shutdown._perform


def perform_in_its_own_time(self, effect):
    """The fault."""
    if isinstance(effect, Abort):
        asyncio.get_running_loop().call_later(3, perform, self, effect)
    else:
        perform(self, effect)


Shutdown._perform = perform_in_its_own_time
