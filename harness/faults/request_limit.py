"""A target that stops after a number of requests, an option against memory leaks: a stop without a signal.

The harness counts its requests, and sends the last ones all at once, so that the moment at which the limit is reached
is known. t0 is just before them; uvicorn checks the limit ten times a second. Handshakes are not counted, because
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
SPARE = 10  # for requests that were counted twice, or not at all
ASKED = frozenset({"ready", "health", "metrics", "broadcast"})


@asynccontextmanager
async def request_limit_reached(probes: Probes, history: History, limit: int, path: str) -> AsyncIterator[None]:
    """Inside, the target has had `limit` requests: first those of the probes, then GETs of `path`."""
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
    """How many requests of the probes the target has answered."""
    return sum(event.who in ASKED for event in history.events)
