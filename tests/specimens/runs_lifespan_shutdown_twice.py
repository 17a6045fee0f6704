"""Lifespan shutdown runs twice."""

from __future__ import annotations

from uvicorn.lifespan.on import LifespanOn

from server.main import app as app

SCENARIO = "drain"
FAILS = {18}

shutdown = LifespanOn.shutdown


async def shut_down_twice(self):
    """The fault."""
    await shutdown(self)
    await shutdown(self)


LifespanOn.shutdown = shut_down_twice
