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
    """Inside, send `which` to the process every `every_s`, on average: what a busy loop missed it sends at its turn."""
    clock = asyncio.get_running_loop().time

    async def send() -> None:
        due = clock()
        while True:
            target.signal(which)
            due += every_s
            await asyncio.sleep(max(0.0, due - clock()))

    sending = asyncio.create_task(send())
    try:
        yield
    finally:
        sending.cancel()
