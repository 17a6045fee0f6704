"""A close frame without a code is overlooked for more than a second, any other one is answered at once."""

from __future__ import annotations

from server.drain.uvicorn import running_server
from server.main import app as app
from server.protocol.frames import NO_CODE
from server.protocol.peer import OPEN, Peer

SCENARIO = "drain"
FAILS = {11}
SUBTLE = "only for one kind of client"
MISSED_BEFORE = "in the run"

peer_has_closed = Peer._peer_has_closed


def overlook_an_empty_one(self, close):
    """The fault."""
    if close.code == NO_CODE and running_server().should_exit and self._state is OPEN:
        self._shared.loop.call_later(1.2, peer_has_closed, self, close)
    else:
        peer_has_closed(self, close)


Peer._peer_has_closed = overlook_an_empty_one
