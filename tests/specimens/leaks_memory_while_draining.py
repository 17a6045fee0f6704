"""While it drains, the server keeps 20 kB for each client that it has notified."""

from __future__ import annotations

from server.connections.connection import Connection
from server.main import app as app

SCENARIO = "ten_thousand"
FAILS = {31}

offer = Connection.offer
kept = []


def offer_and_keep(self, frame):
    """The fault."""
    offer(self, frame)
    if frame.text.startswith('{"type":"draining"'):
        kept.append(b"x" * 20_000)


Connection.offer = offer_and_keep
