"""A second SIGTERM moves the deadline by 1.5 s."""

from __future__ import annotations

import asyncio

from server.drain.shutdown import Shutdown
from server.drain.uvicorn import running_server
from server.main import app as app

SCENARIO = "hundred_sigterms"
FAILS = {21}
SUBTLE = "only the second time"

drain = Shutdown.drain


async def drain_and_move_the_deadline(self):
    """The fault."""
    signals = running_server()._captured_signals

    async def move_the_deadline():
        while len(signals) < 2:
            await asyncio.sleep(0.02)
        self._machine.deadline += 1.5

    moving = asyncio.create_task(move_the_deadline())
    await drain(self)
    moving.cancel()


Shutdown.drain = drain_and_move_the_deadline
