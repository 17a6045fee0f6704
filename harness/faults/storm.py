"""A storm of signals: the same one again and again, after the target was told to stop.

Source: contract, clause 21. Supervisors that lose patience send SIGTERM in a loop.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..targets.target import Target


@asynccontextmanager
async def storm_of_signals(
    target: Target, every_s: float, which: signal.Signals = signal.SIGTERM
) -> AsyncIterator[None]:
    """Inside, send `which` to the process every `every_s`."""

    async def send() -> None:
        while True:
            target.signal(which)
            await asyncio.sleep(every_s)

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        sending.cancel()
