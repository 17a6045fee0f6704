"""Each client that has not read the last message delays the next message of the server for everyone."""

from __future__ import annotations

import asyncio

from server.hub import Hub
from server.main import app as app

SCENARIO = "hostile"
FAILS = {7, 9}

PATIENCE_S = 0.15
publish = Hub.publish


async def publish_when_all_can_read(self, data, *, sender=None, **more):
    """The fault."""
    for connection in list(self.connections.values()) if sender is None else []:
        if connection.tcp.transport.get_write_buffer_size():
            await asyncio.sleep(PATIENCE_S)
    return await publish(self, data, sender=sender, **more)


Hub.publish = publish_when_all_can_read
