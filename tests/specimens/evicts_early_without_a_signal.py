"""A stop that no signal has caused closes one client 0.3 s after it began, before the deadline."""

from __future__ import annotations

import asyncio

from server.drain.shutdown import Shutdown
from server.drain.uvicorn import running_server
from server.main import app as app
from server.messages.close_codes import CloseCode

SCENARIO = "request_limit"
FAILS = {12, 25}
SUBTLE = "one client in fifty"

drain = Shutdown.drain


async def drain_and_evict_one(self):
    """The fault."""

    def close_one():
        self._clients.connections[next(iter(self._machine.serving))].close(CloseCode.SERVICE_RESTART)

    if not running_server()._captured_signals:
        asyncio.get_running_loop().call_later(0.3, close_one)
    await drain(self)


Shutdown.drain = drain_and_evict_one
