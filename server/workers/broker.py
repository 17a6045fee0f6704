"""The broker that the workers of a host share where the operator named none: a private Valkey.

Owns its life: it is there before the first worker and after the last one, and comes back with its data if it dies.
Refuses to know what is in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from ..brokers.embedded import EmbeddedFailed, EmbeddedValkey
from .hangup import kept_from_hanging_up
from .orders import Backoff

logger = logging.getLogger("ebb")

WATCH_EVERY_S = 0.1
ASK_EVERY_S = 0.01


@contextlib.asynccontextmanager
async def private_broker(stopping: Callable[[], bool]) -> AsyncIterator[str]:
    """A Valkey of our own, from when it answers (or `stopping`) until the end of the context; gives its URL.

    Raises EmbeddedFailed. Must be entered in the main thread: the server ends with the thread that started it.
    """
    valkey = EmbeddedValkey()
    try:
        await _start(valkey, stopping)
        keeper = asyncio.create_task(_keep(valkey))
        try:
            yield valkey.url
        finally:
            keeper.cancel()
    finally:
        valkey.stop()


async def _start(valkey: EmbeddedValkey, stopping: Callable[[], bool] = lambda: False) -> None:
    with kept_from_hanging_up():
        valkey.launch()
    while not stopping() and not valkey.ready():
        await asyncio.sleep(ASK_EVERY_S)


async def _keep(valkey: EmbeddedValkey) -> None:
    """Start it again, whenever it has died."""
    clock = asyncio.get_running_loop().time
    backoff, answers_since = Backoff(), clock()
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        if valkey.alive:
            continue
        delay_s = backoff.ended(answers_since, clock())
        logger.warning("the private Valkey has ended; it is started again with its data in %.1f s", delay_s)
        await asyncio.sleep(delay_s)
        try:
            await _start(valkey)
            answers_since = clock()
            logger.info("the private Valkey answers again (process %d)", valkey.pid)
        except EmbeddedFailed as error:
            logger.warning("%s", error)
