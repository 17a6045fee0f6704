"""One client in the room misses every third broadcast; nobody says so."""

from __future__ import annotations

from server.connection import Connection
from server.main import app as app

SCENARIO = "drain"
FAILS = {10}

offer = Connection.offer
seen = []


def lose_some(self, frame):
    """The fault."""
    if self.number == 1 and "m:" in frame.text:
        seen.append(frame)
        if len(seen) % 3 == 0:
            return
    offer(self, frame)


Connection.offer = lose_some
