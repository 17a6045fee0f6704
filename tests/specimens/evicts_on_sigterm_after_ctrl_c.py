"""A supervisor's SIGTERM after Ctrl+C is taken for an operator's force, and one client is closed at once."""

from __future__ import annotations

import asyncio

from server.drain.shutdown import Shutdown
from server.drain.uvicorn import running_server
from server.main import app as app
from server.messages.close_codes import CloseCode

SCENARIO = "ctrl_c"
FAILS = {12, 22}
SUBTLE = "only the second time"

drain = Shutdown.drain


async def drain_and_evict_one(self):
    """The fault."""
    signals = running_server()._captured_signals

    async def close_one():
        while len(signals) < 2:
            await asyncio.sleep(0.02)
        self._clients.connections[next(iter(self._machine.serving))].close(CloseCode.SERVICE_RESTART)

    closing = asyncio.create_task(close_one())
    await drain(self)
    closing.cancel()


Shutdown.drain = drain_and_evict_one
