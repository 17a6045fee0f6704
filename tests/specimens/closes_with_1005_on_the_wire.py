"""A client in ten gets a close frame that says 1005, which stands for no code at all and may not be sent."""

from __future__ import annotations

from server.connections.connection import Connection
from server.main import app as app

SCENARIO = "drain"
FAILS = {13, 28, 35}
CLOSE = 0x88
NO_CODE = b"\x88\x02\x03\xed"

send_close = Connection._send_close


async def say_1005(self, goodbye):
    """The fault."""
    wire = self.tcp._protocol.conn
    take = wire.data_to_send
    if self.number % 10 == 0:
        wire.data_to_send = lambda: [NO_CODE if chunk and chunk[0] == CLOSE else chunk for chunk in take()]
    await send_close(self, goodbye)
    wire.data_to_send = take


Connection._send_close = say_1005
