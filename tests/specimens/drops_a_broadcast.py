"""One client misses every third broadcast, and no message says so."""

from __future__ import annotations

from server.connections.broadcaster import Broadcaster
from server.main import app as app
from server.messages.wire import Form

SCENARIO = "drain"
FAILS = {10}

offer_everyone = Broadcaster.offer_everyone
seen = []


def offer_most(self, but, forms):
    """The fault."""
    if len(self._everyone) > 1 and "m:" in forms[Form.PLAIN].text:
        seen.append(forms)
        if len(seen) % 3 == 0:
            audience = [connection for connection in self._everyone if connection.number != 1]
            self.offer_some(audience, but, forms)
            return
    offer_everyone(self, but, forms)


Broadcaster.offer_everyone = offer_most
