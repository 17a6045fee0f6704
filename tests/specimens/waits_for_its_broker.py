"""Who publishes waits until the broker answers again, however long that takes."""

from __future__ import annotations

import asyncio

from server.brokers.broker import BrokerUnavailable
from server.brokers.redis import ValkeyBroker
from server.main import app as app

SCENARIO = "broker_stalls"
FAILS = {33}

publish = ValkeyBroker.publish


async def publish_in_the_end(self, post):
    """The fault."""
    while True:
        try:
            return await publish(self, post)
        except BrokerUnavailable:
            await asyncio.sleep(0.1)


ValkeyBroker.publish = publish_in_the_end
