"""The server answers any number of pings, and goes on with one client for as long as that one sends."""

from __future__ import annotations

import server.protocol.peer as peer
from server.main import app as app
from server.messages.frame import encoded
from server.protocol.frames import PONG, Ping

SCENARIO = "abuse"
FAILS = {7}
CLAIMS = {"honest-unmoved", "ready-throughout"}


def answer_it(self, event):
    """The fault."""
    if isinstance(event, Ping):
        self.transport.write(encoded(PONG, event.payload))


peer.Peer._take_control = answer_it
peer.IN_ONE_TURN = peer.BYTES_IN_ONE_TURN = 1 << 30
