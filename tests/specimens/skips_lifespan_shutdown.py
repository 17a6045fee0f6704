"""Lifespan shutdown never runs, so the application never releases its resources."""

from __future__ import annotations

from uvicorn.lifespan.on import LifespanOn

from server.main import app as app

SCENARIO = "drain"
FAILS = {18}


async def do_nothing(self):
    """The fault."""


LifespanOn.shutdown = do_nothing
