"""Every third client is sent one more text right after its close frame, which no server may send."""

from __future__ import annotations

from server.connections.connection import Connection
from server.main import app as app

SCENARIO = "drain"
FAILS = {35}
MISSED_BEFORE = "in the run"

send_close = Connection._send_close


async def send_and_go_on(self, goodbye):
    """The fault."""
    await send_close(self, goodbye)
    if goodbye.said and self.number % 3 == 0 and not self.tcp.transport.is_closing():
        self.tcp.transport.write(b"\x81\x05later")


Connection._send_close = send_and_go_on
