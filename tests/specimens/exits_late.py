"""The process exits two seconds after the last client has left."""

from __future__ import annotations

import asyncio

from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "everyone_leaves"
FAILS = {16}

drain = Shutdown.drain


async def drain_and_sleep(self):
    """The fault."""
    await drain(self)
    await asyncio.sleep(2)


Shutdown.drain = drain_and_sleep
