"""A target that ends after so many requests, as some are told to against leaks: a stop without a signal.

The harness counts what it has asked, and asks for the last few at once, so that the limit is reached at a moment that
is known. t0 is just before them; uvicorn looks ten times a second whether it was reached. Handshakes are not counted:
uvicorn does not count them either.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..history.record import History
from ..probes.http import fetch
from ..probes.polling import Probes

LAST_AT_ONCE = 30
SPARE = 10  # what was counted twice, or not at all
ASKED = frozenset({"ready", "health", "metrics", "broadcast"})


@asynccontextmanager
async def request_limit_reached(probes: Probes, history: History, limit: int, path: str) -> AsyncIterator[None]:
    """Inside, the target has had `limit` requests: those that others make, and then GETs of `path`."""
    ours = 0
    while asked(history) + ours < limit - LAST_AT_ONCE:
        await fetch(probes.port, path)
        ours += 1
    last = LAST_AT_ONCE + SPARE
    history.record(time.monotonic(), "target", "cause", cause="request limit", requests=last)
    for _ in range(last):
        probes.spawn(fetch(probes.port, path))
    yield


def asked(history: History) -> int:
    """How many requests of others the target has answered."""
    return sum(event.who in ASKED for event in history.events)
