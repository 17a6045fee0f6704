"""What a client has missed is not to be had, and nobody tells it: it is welcomed, and hears what is new."""

from __future__ import annotations

from server.main import app as app
from server.resume import Resume

SCENARIO = "rolling_deploy"
FAILS = {33}


async def listen_at_once(self):
    """The fault."""
    self._hub.subscribe(self._connection, self._rooms)


Resume.run = listen_at_once
