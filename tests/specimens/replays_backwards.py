"""A client that resumes after 0.2 s gets the messages that it missed in reverse order."""

from __future__ import annotations

import asyncio

from server.hub import Hub
from server.main import app as app
from server.resume import Resume

SCENARIO = "rolling_deploy"
FAILS = {33}

missed = Hub.missed


def miss_backwards(self, connection, rooms, since, limit_bytes=None):
    """The fault."""
    mine, seq = missed(self, connection, rooms, since, limit_bytes)
    return mine[::-1], seq


async def be_late(self):
    """Wait, so that at 50 messages a second there are some to replay."""
    await asyncio.sleep(0.2)


Hub.missed, Resume.at_once, Resume._until_known = miss_backwards, lambda _: False, be_late
