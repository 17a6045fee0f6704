"""Between the replay and the subscription is a pause of 60 ms; messages published in it are lost."""

from __future__ import annotations

import asyncio

from server.hub import Hub
from server.main import app as app

SCENARIO = "rolling_deploy"
FAILS = {33}

listen = Hub.listen


def listen_later(self, connection, rooms=()):
    """The fault."""

    def listen_now():
        if connection.open:
            listen(self, connection, rooms)

    asyncio.get_running_loop().call_later(0.06, listen_now)


Hub.listen = listen_later
