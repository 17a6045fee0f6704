"""While the server drains, connections stay open, but what clients send is ignored."""

from __future__ import annotations

from server.drain.uvicorn import running_server
from server.endpoints.broadcast import Enveloped, Named
from server.main import app as app

SCENARIO = "drain"
FAILS = {9, 10}


def deaf(on_message):
    """The fault."""

    async def answer_while_serving(self, text):
        if not running_server().should_exit:
            await on_message(self, text)

    return answer_while_serving


Named.on_message, Enveloped.on_message = deaf(Named.on_message), deaf(Enveloped.on_message)
