"""The periodic notification ends with the signal; everything else goes on."""

from __future__ import annotations

from server.drain.uvicorn import running_server
from server.hub import Hub
from server.main import app as app

SCENARIO = "drain"
FAILS = {9}

publish = Hub.publish


async def publish_while_serving(self, data, **where):
    """The fault."""
    if data == "Test notification" and running_server().should_exit:
        return self.broker.seq
    return await publish(self, data, **where)


Hub.publish = publish_while_serving
