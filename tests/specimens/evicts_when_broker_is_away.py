"""When the broker is away, every client is closed."""

from __future__ import annotations

from server.brokers.redis import ValkeyBroker
from server.main import app as app
from server.messages.close_codes import CloseCode

SCENARIO = "broker_dies"
FAILS = {12}

away = ValkeyBroker.away


async def close_everyone(self, pause_s):
    """The fault."""
    for connection in list(app.state.hub.connections.values()):
        connection.close(CloseCode.SERVICE_RESTART, "the broker is away")
    await away(self, pause_s)


ValkeyBroker.away = close_everyone
