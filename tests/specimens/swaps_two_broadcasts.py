"""One client hears some broadcasts of different senders in another order than all the others."""

from __future__ import annotations

from server.connections.outgoing import Broadcaster
from server.main import app as app
from server.messages.wire import Form

SCENARIO = "drain"
FAILS = {10}
SUBTLE = "one client in fifty"

offer_everyone = Broadcaster.offer_everyone
held = []


def offer_in_another_order(self, but, forms):
    """The fault: what a talker says the victim hears only after what somebody else says."""
    everyone = [each.outgoing for each in app.state.hub.connections.values() if each.outgoing.subscribed]
    text = forms[Form.PLAIN].text
    if len(everyone) > 1 and "m:talker" in text and not held and but is not everyone[0]:
        held.append((text.rpartition(":")[0], forms))
        self.offer_some(everyone[1:], but, forms)
        return
    swaps = not held or not text.startswith(held[0][0])
    if held and not swaps:
        self.offer_some(everyone[:1], None, held.pop()[1])
    offer_everyone(self, but, forms)
    if held:
        self.offer_some(everyone[:1], None, held.pop()[1])


Broadcaster.offer_everyone = offer_in_another_order
