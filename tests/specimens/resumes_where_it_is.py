"""Whoever comes back is told that it goes on from where it stood, and goes on from where the server stands."""

from __future__ import annotations

from server.hub import Hub
from server.main import app as app

SCENARIO = "rolling_deploy"
FAILS = {33}


def miss_nothing(self, connection, rooms, since, limit_bytes=None):
    """The fault."""
    return [], self.history.last


Hub.missed = miss_nothing
