"""While the server drains, a client's own close frame is answered only after 1.5 s."""

from __future__ import annotations

from server.drain.uvicorn import running_server
from server.main import app as app
from server.protocol.peer import OPEN, Peer

SCENARIO = "drain"
FAILS = {11}

peer_has_closed = Peer._peer_has_closed


def answer_later(self, close):
    """The fault."""
    wait_s = 1.5 if running_server().should_exit and self._state is OPEN else 0
    self._shared.loop.call_later(wait_s, peer_has_closed, self, close)


Peer._peer_has_closed = answer_later
