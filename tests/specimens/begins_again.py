"""A further signal begins the drain again: the deadline moves by a second and a half."""

from __future__ import annotations

import asyncio

from server.drain.shutdown import Shutdown
from server.drain.uvicorn import running_server
from server.main import app as app

SCENARIO = "hundred_sigterms"
FAILS = {21}

drain = Shutdown.drain


async def drain_and_begin_again(self):
    """The fault."""
    signals = running_server()._captured_signals

    async def begin_again():
        while len(signals) < 2:
            await asyncio.sleep(0.02)
        self._machine.deadline += 1.5

    beginning_again = asyncio.create_task(begin_again())
    await drain(self)
    beginning_again.cancel()


Shutdown.drain = drain_and_begin_again
