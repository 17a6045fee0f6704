"""A client whose message was on its way when it was sent its close frame is cut off."""

from __future__ import annotations

from server.connections.connection import Connection
from server.main import app as app

SCENARIO = "drain"
FAILS = {13}
SUBTLE = "only while a message is on its way"
MISSED_BEFORE = "in the run"

TEXT, MASKED_HEAD_BYTES = 0x81, 6
send_close = Connection._send_close


async def send_close_and_cut_off(self, goodbye):
    """The fault."""
    await send_close(self, goodbye)
    protocol = self.tcp._protocol
    take = protocol.data_received

    def cut_off_at_a_text(data):
        if data[0] == TEXT and len(data) == MASKED_HEAD_BYTES + data[1] % 128:  # alone, without the answer
            self.abort()
        else:
            take(data)

    protocol.data_received = cut_off_at_a_text
    protocol.transport.set_protocol(protocol)  # uvloop has looked up the method already


Connection._send_close = send_close_and_cut_off
