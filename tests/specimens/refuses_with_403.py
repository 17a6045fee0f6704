"""Handshakes are refused with 403 instead of 503, so clients believe that they are not allowed to connect."""

from __future__ import annotations

from server.connections import admission
from server.main import app as app

SCENARIO = "drain"
FAILS = {3, 4}

refuse = admission.refuse


async def refuse_with_403(scope, tcp, receive, send, refusal):
    """The fault."""
    await refuse(scope, tcp, receive, send, admission.HandshakeRefused(403, str(refusal)))


admission.refuse = refuse_with_403
