"""A client whose message was on its way when it was sent its close frame is cut off."""

from __future__ import annotations

from server.connections.connection import Connection
from server.main import app as app
from server.protocol.peer import Peer

SCENARIO = "drain"
FAILS = {13}
SUBTLE = "only while a message is on its way"
MISSED_BEFORE = "in the run"

TEXT, MASKED_HEAD_BYTES = 0x81, 6
data_received, send_close = Peer.data_received, Connection._send_close
closed = {}


async def send_close_and_note(self, goodbye):
    """Who is cut off."""
    await send_close(self, goodbye)
    closed[self.tcp] = self


def cut_off_at_a_text(self, data):
    """The fault."""
    if self in closed and data[0] == TEXT and len(data) == MASKED_HEAD_BYTES + data[1] % 128:  # without the answer
        closed[self].abort()
    else:
        data_received(self, data)


Connection._send_close, Peer.data_received = send_close_and_note, cut_off_at_a_text
