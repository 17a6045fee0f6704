"""Handshakes are reset instead of refused once only two connections are left: the listener is believed to be closed."""

from __future__ import annotations

from server.connections import admission
from server.main import app as app

SCENARIO = "drain"
FAILS = {3}
SUBTLE = "only while clients are evicted"

refuse = admission.refuse


async def reset_at_the_end(scope, tcp, receive, send, refusal):
    """The fault."""
    if app.state.shutdown.remaining <= 2:
        tcp.abort()
        await tcp.lost
    await refuse(scope, tcp, receive, send, refusal)


admission.refuse = reset_at_the_end
