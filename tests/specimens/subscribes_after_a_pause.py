"""Between the replay and the subscription is a pause of 60 ms; messages published in it are lost."""

from __future__ import annotations

import asyncio

from server.hub import Hub
from server.main import app as app

SCENARIO = "rolling_deploy"
FAILS = {33}
SUBTLE = "only while a message is on its way"

subscribe = Hub.subscribe


def subscribe_later(self, connection, rooms=()):
    """The fault."""

    def subscribe_now():
        if connection.open:
            subscribe(self, connection, rooms)

    asyncio.get_running_loop().call_later(0.06, subscribe_now)


Hub.subscribe = subscribe_later
