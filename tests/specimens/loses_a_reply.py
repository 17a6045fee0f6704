"""While the server drains, one reply of ten is lost; the client is told nothing."""

from __future__ import annotations

from server.connections.connection import Connection
from server.drain.uvicorn import running_server
from server.main import app as app

SCENARIO = "drain"
FAILS = {9, 10}

offer = Connection.offer
answers = [0]


def offer_most(self, frame):
    """The fault."""
    if running_server().should_exit and "You said" in frame.text:
        answers[0] += 1
        if answers[0] % 10 == 0:
            return None
    return offer(self, frame)


Connection.offer = offer_most
