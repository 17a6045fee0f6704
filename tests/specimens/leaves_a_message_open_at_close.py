"""A client in ten gets the beginning of a message just before its close frame, and never the rest."""

from __future__ import annotations

from server.connections.connection import Connection
from server.main import app as app

SCENARIO = "drain"
FAILS = {35}

send_close = Connection._send_close


async def begin_and_close(self, goodbye):
    """The fault."""
    if self.number % 10 == 0 and not self.tcp.peer_closed and not self.tcp.transport.is_closing():
        self.tcp.transport.write(b"\x01\x05begun")
    await send_close(self, goodbye)


Connection._send_close = begin_and_close
