"""Whether a target that was just started serves: the question that is asked again and again until it does.

Owns the one question. Refuses to know processes, and how long to ask.
"""

from __future__ import annotations

import asyncio

from ..probes.http import fetch
from ..probes.network import HOST, name_of

ACCEPTS_WITHIN_S = 1.0


async def is_up(port: int, ready: str | None) -> tuple[bool, str]:
    """Whether it is, and what was seen. One without a readiness route (4xx) is up when it answers."""
    if ready is None:
        return await _accepts(port)
    reply = await fetch(port, ready)
    seen = f"GET {ready}: {reply.status or reply.error}"
    return reply.status is not None and 200 <= reply.status < 500, seen


async def _accepts(port: int) -> tuple[bool, str]:
    try:
        async with asyncio.timeout(ACCEPTS_WITHIN_S):
            _, writer = await asyncio.open_connection(HOST, port)
    except OSError as error:
        return False, f"connection {name_of(error)}"
    writer.transport.abort()
    return True, "accepts connections"
