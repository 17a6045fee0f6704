"""How late the harness's own event loop is: a verdict about 250 ms is worth nothing when we slept for 100.

Owns a heartbeat and its records, and the rest of the garbage collector, which would be the worst of it. Refuses to
know which lag is too much; the clauses do.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..history.record import History

BEAT_S = 0.010
REPORT_EVERY_S = 0.100
WORTH_RECORDING_S = 0.005


async def watch_lag(history: History) -> None:
    """Beat every 10 ms for ever; every 100 ms record the worst delay since the last record, if above 5 ms."""
    worst_s = 0.0
    reported_at = began = time.monotonic()
    while True:
        await asyncio.sleep(BEAT_S)
        now = time.monotonic()
        worst_s = max(worst_s, now - began - BEAT_S)
        began = now
        if now - reported_at >= REPORT_EVERY_S:
            if worst_s > WORTH_RECORDING_S:
                history.record(now, "harness", "lag", seconds=worst_s)
            worst_s, reported_at = 0.0, now


@contextmanager
def resting_garbage_collector() -> Iterator[None]:
    """No collection inside; what is there now is never looked at again until the end."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
