"""Handshakes are refused with 503, but without `Retry-After`."""

from __future__ import annotations

from server.connections import admission as sockets
from server.main import app as app

SCENARIO = "drain"
FAILS = {3, 4}

refuse = sockets.refuse


async def refuse_and_say_nothing(receive, send, status, detail, *, retry_after_s=None):
    """The fault."""
    await refuse(receive, send, status, detail)


sockets.refuse = refuse_and_say_nothing
