"""Handshakes are refused with 503, but without `Retry-After`."""

from __future__ import annotations

from server.connections import admission
from server.main import app as app

SCENARIO = "drain"
FAILS = {3, 4}

refuse = admission.refuse


async def refuse_and_say_nothing(scope, tcp, receive, send, refusal):
    """The fault."""
    await refuse(scope, tcp, receive, send, admission.HandshakeRefused(refusal.status, str(refusal)))


admission.refuse = refuse_and_say_nothing
