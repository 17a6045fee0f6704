"""Clients are closed with 1001 (going away) instead of 1012 (service restart), and many do not reconnect."""

from __future__ import annotations

from server.connections.connection import Connection
from server.main import app as app

SCENARIO = "drain"
FAILS = {13, 28}

send_close = Connection._send_close


async def send_another_code(self, goodbye):
    """The fault."""
    goodbye.code, meant = 1001, goodbye.code
    await send_close(self, goodbye)
    goodbye.code = meant


Connection._send_close = send_another_code
