"""The TCP connection ends right after the close frame is sent, before the client has answered it."""

from __future__ import annotations

from server.connections.connection import Connection
from server.main import app as app

SCENARIO = "drain"
FAILS = {13, 28}

send_close = Connection._send_close


async def send_and_hang_up(self, goodbye):
    """The fault."""
    await send_close(self, goodbye)
    self.tcp.transport.close()


Connection._send_close = send_and_hang_up
