"""The server waits up to four seconds for connections on which no handshake has been finished."""

from __future__ import annotations

import asyncio

import server.drain.uvicorn
from server.main import app as app

SCENARIO = "hostile"
FAILS = {17}
SUBTLE = "only for one kind of client"

PATIENCE_S = 4.0


async def wait_for_all(uvicorn_server):
    """The fault."""
    for listener in uvicorn_server.servers:
        listener.close()
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    while uvicorn_server.server_state.connections and loop.time() < until:
        await asyncio.sleep(0.05)


server.drain.uvicorn._refuse_the_last = wait_for_all
