"""One client is closed half a second after the signal, long before the deadline."""

from __future__ import annotations

import asyncio

from server.core.close_codes import CloseCode
from server.main import app as app
from server.stop import Shutdown

SCENARIO = "drain"
FAILS = {12}

drain = Shutdown.drain


async def drain_impatiently(self):
    """The fault."""
    first = next(iter(self._hub.connections.values()))
    asyncio.get_running_loop().call_later(0.5, first._begin_close, CloseCode.SERVICE_RESTART, "", 1e9)
    await drain(self)


Shutdown.drain = drain_impatiently
