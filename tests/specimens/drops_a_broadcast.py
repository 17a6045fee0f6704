"""One client misses every third broadcast, and no message says so."""

from __future__ import annotations

from server.connections.outgoing import Broadcaster
from server.main import app as app
from server.messages.wire import Form

SCENARIO = "drain"
FAILS = {9, 10}
SUBTLE = "one client in fifty"

offer_everyone = Broadcaster.offer_everyone
seen = []


def offer_most(self, but, forms):
    """The fault. The client is one that speaks, and so one that stays."""
    everyone = [each for each in app.state.hub.connections.values() if each.outgoing.subscribed]
    speaks = next((each for each in everyone if each.name.startswith("talker")), None)
    if speaks is not None and "m:" in forms[Form.PLAIN].text:
        seen.append(forms)
        if len(seen) % 3 == 0:
            audience = [each.outgoing for each in everyone if each is not speaks]
            self.offer_some(audience, but, forms)
            return
    offer_everyone(self, but, forms)


Broadcaster.offer_everyone = offer_most
