"""One client in the room misses every third broadcast; nobody says so."""

from __future__ import annotations

from server.connection import Connection
from server.main import app as app

SCENARIO = "drain"
FAILS = {10}

offer = Connection.offer


def lose_some(self, frame):
    """The fault."""
    if self.number == 1 and "m:" in frame.text:
        self.seen = getattr(self, "seen", 0) + 1
        if self.seen % 3 == 0:
            return True
    return offer(self, frame)


Connection.offer = lose_some
