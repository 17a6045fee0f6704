"""Told to stop while its startup hangs, it hangs for two more seconds."""

from __future__ import annotations

import asyncio

import server.app
from server.drain.uvicorn import unless_stopped

SCENARIO = "stopped_in_a_hanging_startup"
FAILS = {24}


async def think_it_over(server, startup):
    """The fault."""
    await unless_stopped(server, startup)
    await asyncio.sleep(2)


server.app.unless_stopped = think_it_over

from server.examples.slow_startup import hanging as hanging  # noqa: E402  # after the fault is in
