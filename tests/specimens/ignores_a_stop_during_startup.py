"""A signal during startup is noticed only after startup has finished."""

from __future__ import annotations

import server.app

SCENARIO = "stopped_in_startup"
FAILS = {24}


async def finish_first(_, startup):
    """The fault."""
    await startup


server.app.unless_stopped = finish_first

from server.examples.slow_startup import slow as slow  # noqa: E402  # after the fault is in
