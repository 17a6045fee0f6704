"""One client in the room misses every third broadcast; nobody says so."""

from __future__ import annotations

from server.flusher import Flusher
from server.main import app as app

SCENARIO = "drain"
FAILS = {10}

offer_all = Flusher.offer_all
seen = []


def offer_some(self, audience, but, plain, envelope):
    """The fault."""
    audience = list(audience)
    if len(audience) > 1 and "m:" in plain.text:
        seen.append(plain)
        if len(seen) % 3 == 0:
            audience = [connection for connection in audience if connection.number != 1]
    offer_all(self, audience, but, plain, envelope)


Flusher.offer_all = offer_some
