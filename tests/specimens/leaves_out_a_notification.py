"""While the server drains, one periodic notification is left out, and the next comes as it should."""

from __future__ import annotations

from server.drain.uvicorn import running_server
from server.hub import Hub
from server.main import app as app

SCENARIO = "drain"
FAILS = {9}
MISSED_BEFORE = "in the run"

publish = Hub.publish
seen = [0]


async def publish_all_but_the_second(self, data, **where):
    """The fault."""
    if data == "Test notification" and running_server().should_exit:
        seen[0] += 1
        if seen[0] == 2:
            return self.broker.seq
    return await publish(self, data, **where)


Hub.publish = publish_all_but_the_second
