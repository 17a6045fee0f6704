"""A client that resumes gets `resumed` for its own position, but nothing of what it missed is replayed."""

from __future__ import annotations

from server.hub import Hub
from server.main import app as app

SCENARIO = "rolling_deploy"
FAILS = {33}


def miss_nothing(self, connection, rooms, since, limit_bytes=None):
    """The fault."""
    return [], self.history.last


Hub.missed = miss_nothing
