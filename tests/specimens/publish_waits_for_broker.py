"""A publish waits until the broker answers again, however long that takes, instead of being refused."""

from __future__ import annotations

import asyncio

from server.brokers.broker import BrokerUnavailable
from server.brokers.redis import ValkeyBroker
from server.main import app as app

SCENARIO = "broker_stalls"
FAILS = {33}

publish = ValkeyBroker.publish


async def publish_without_limit(self, post):
    """The fault."""
    while True:
        try:
            return await publish(self, post)
        except BrokerUnavailable:
            await asyncio.sleep(0.1)


ValkeyBroker.publish = publish_without_limit
