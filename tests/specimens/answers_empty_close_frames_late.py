"""A close frame without a code is overlooked for more than a second, any other one is answered at once."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server.drain.uvicorn import running_server
from server.main import app as app

SCENARIO = "drain"
FAILS = {11}
SUBTLE = "only for one kind of client"
MISSED_BEFORE = "in the run"

data_received = WebSocketsSansIOProtocol.data_received


def data_received_unless_an_empty_close(self, data):
    """The fault."""
    if data[:2] == b"\x88\x80" and running_server().should_exit and not self.close_sent:
        self.loop.call_later(1.2, data_received, self, data)
    else:
        data_received(self, data)


WebSocketsSansIOProtocol.data_received = data_received_unless_an_empty_close
