"""A host whose workers are all replaced, one after another, while it serves (SIGHUP): new code, no stop.

The host itself is not told to stop: t0 comes later, if at all. A replaced worker exits when its clients have left.
"""

from __future__ import annotations

import asyncio
import signal
import time

import psutil

from ..targets.target import Target
from .worker import LOOK_EVERY_S, workers


async def roll(target: Target) -> list[psutil.Process]:
    """Tell the target to replace its workers; return the ones to be replaced."""
    former = [worker.process for worker in await workers(target)]
    target.history.record(time.monotonic(), "target", "rolled")
    target.nudge(signal.SIGHUP)
    return former


async def until_replaced(target: Target, former: list[psutil.Process], within_s: float) -> bool:
    """Wait until all of `former` have exited, and record that; False when one has not exited `within_s`."""
    patience_ends = time.monotonic() + within_s
    while there := [process for process in former if process.is_running()]:
        if time.monotonic() > patience_ends:
            return False
        former = there
        await asyncio.sleep(LOOK_EVERY_S)
    target.history.record(time.monotonic(), "target", "replaced")
    return True
