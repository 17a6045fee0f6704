"""The server does not stop before every idle HTTP connection has been closed, by its client or for being idle."""

from __future__ import annotations

import asyncio

import server.drain.uvicorn
from server.main import app as app

SCENARIO = "nobody_there"
FAILS = {16}
SUBTLE = "only for one kind of client"
MISSED_BEFORE = "in the run"


async def wait_for_all(uvicorn_server):
    """The fault."""
    for listener in uvicorn_server.servers:
        listener.close()
    while uvicorn_server.server_state.connections:
        await asyncio.sleep(0.05)


server.drain.uvicorn._refuse_the_last = wait_for_all
