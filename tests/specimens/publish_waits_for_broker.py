"""A publish waits until the broker answers again, however long that takes, instead of being refused."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from server.brokers.broker import BrokerUnavailable
from server.brokers.redis import ValkeyBroker
from server.main import app as app

SCENARIO = "broker_stalls"
FAILS = {33}

publish = ValkeyBroker.publish


async def publish_without_limit(self, post):
    """The fault. With a key no post is put into the log twice, however often it is tried again."""
    post = post.model_copy(update={"key": post.key or uuid4().hex})
    while True:
        try:
            return await publish(self, post)
        except BrokerUnavailable:
            await asyncio.sleep(0.1)


ValkeyBroker.publish = publish_without_limit
