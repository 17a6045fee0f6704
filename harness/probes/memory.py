"""How much resident memory a target takes: one sample every 250 ms.

Owns the sampling. Refuses to know how much is too much. The processes are those that were seen before (`note_children`
looks for them): a look through the process table each time would cost the loop milliseconds.
"""

from __future__ import annotations

import asyncio
import time

from ..targets.target import Target

SAMPLE_EVERY_S = 0.250


async def watch_memory(target: Target) -> None:
    """Record the resident memory of all its processes together, for ever."""
    while True:
        if rss_bytes := target.rss_bytes():
            target.history.record(time.monotonic(), "target", "memory", rss_bytes=rss_bytes)
        await asyncio.sleep(SAMPLE_EVERY_S)
