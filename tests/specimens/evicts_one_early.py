"""One client is closed half a second after the signal, long before the deadline."""

from __future__ import annotations

import asyncio

from server.drain.shutdown import Shutdown
from server.main import app as app
from server.messages.close_codes import CloseCode

SCENARIO = "drain"
FAILS = {12}
SUBTLE = "one client in fifty"

drain = Shutdown.drain


async def drain_and_evict_one(self):
    """The fault."""

    def close_one():
        victim = self._clients.connections[next(iter(self._machine.serving))]
        victim._begin_close(CloseCode.SERVICE_RESTART, None, 1e9)

    asyncio.get_running_loop().call_later(0.5, close_one)
    await drain(self)


Shutdown.drain = drain_and_evict_one
