"""Lifespan shutdown never runs: what the application holds is not given back."""

from __future__ import annotations

from uvicorn.lifespan.on import LifespanOn

from server.main import app as app

SCENARIO = "drain"
FAILS = {18}


async def do_nothing(self):
    """The fault."""


LifespanOn.shutdown = do_nothing
