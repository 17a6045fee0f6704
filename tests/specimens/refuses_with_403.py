"""Handshakes are refused with 403 instead of 503, so clients believe that they are not allowed to connect."""

from __future__ import annotations

from server.connections import admission as sockets
from server.main import app as app

SCENARIO = "drain"
FAILS = {3, 4}

refuse = sockets.refuse


async def refuse_with_403(receive, send, status, detail, *, retry_after_s=None):
    """The fault."""
    await refuse(receive, send, 403, detail)


sockets.refuse = refuse_with_403
