"""While the server drains, connections stay open, but what clients send is ignored."""

from __future__ import annotations

from server.drain.uvicorn import running_server
from server.endpoints.broadcast import Enveloped, Named
from server.main import app as app

SCENARIO = "drain"
FAILS = {9, 10}


def deaf(said):
    """The fault."""

    async def said_while_serving(self, text):
        if not running_server().should_exit:
            await said(self, text)

    return said_while_serving


Named.said, Enveloped.said = deaf(Named.said), deaf(Enveloped.said)
