"""While the server drains, a client's own close frame is answered only after 1.5 s."""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server.drain.uvicorn import running_server
from server.main import app as app

SCENARIO = "drain"
FAILS = {11}

handle_close = WebSocketsSansIOProtocol.handle_close


def answer_later(self, event):
    """The fault."""
    wait_s = 1.5 if running_server().should_exit and not self.close_sent else 0
    self.stop_keepalive()  # or a ping would take the answer with it
    self.loop.call_later(wait_s, handle_close, self, event)


WebSocketsSansIOProtocol.handle_close = answer_later
