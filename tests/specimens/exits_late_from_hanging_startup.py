"""A signal that arrives while startup hangs takes effect two seconds late."""

from __future__ import annotations

import asyncio

import server.app
from server.drain.uvicorn import unless_stopped

SCENARIO = "stopped_in_a_hanging_startup"
FAILS = {24}


async def stop_two_seconds_late(server, startup):
    """The fault."""
    await unless_stopped(server, startup)
    await asyncio.sleep(2)


server.app.unless_stopped = stop_two_seconds_late

from server.examples.slow_startup import hanging as hanging  # noqa: E402  # after the fault is in
