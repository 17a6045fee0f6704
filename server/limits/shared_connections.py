"""The connections of an address in all processes that share a broker.

Owns what each process tells of its own in one hash of Redis or Valkey, and the task that reads those of the others:
once a second where anybody has something to tell, else when somebody asks. Nobody waits for it: a process decides by
what it has heard last. One that drains tells nothing, for its clients connect elsewhere before they leave it. While the
broker is away each process limits by itself.

Refuses to know what is told (see `elsewhere`), and who is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

from redis.asyncio import Redis

from .elsewhere import GONE_S, Elsewhere, Here
from .service import ANSWER_S, PAUSE_S, Service

logger = logging.getLogger("ebb")

KEY = "{ebb}:connections"
AGAIN_S = 1.0
EACH_S = 0.2  # between two times, at least


class SharedConnections:
    """What `process` tells, and hears. `serves`: whether its connections are to stay."""

    def __init__(self, service: Service, process: str, most: int, serves: Callable[[], bool]) -> None:
        self._redis = Redis(connection_pool=service.pool)
        self._process = process
        self._serves = serves
        self._here = Here(most)
        self._elsewhere = Elsewhere()
        self._gone: list[str] = []
        self._some = asyncio.Event()

    def here(self, address: str, connections: int) -> None:
        """Note how many connections an address has in this process now."""
        if self._here.has(address, connections):
            self._some.set()

    def elsewhere(self, address: str) -> int:
        """How many it has in the others."""
        self._some.set()
        return self._elsewhere.of(address, time.monotonic())

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Tell and hear; in the end say nothing more."""
        running = asyncio.create_task(self._run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])
            with contextlib.suppress(Exception):
                async with asyncio.timeout(ANSWER_S):
                    await self._redis.hdel(KEY, self._process)

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S if self._here or self._elsewhere else None):
                    await self._some.wait()
            self._some.clear()
            try:
                async with asyncio.timeout(ANSWER_S):
                    await self._tell_and_hear()
                await asyncio.sleep(EACH_S)
            except Exception as error:
                if "WRONGTYPE" in str(error):
                    await self._set_aside()
                logger.warning("each process counts connections by itself for %g s: %s", PAUSE_S, type(error).__name__)
                await asyncio.sleep(PAUSE_S)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError  # redis-py swallows one that comes with its answer: see `service`

    async def _set_aside(self) -> None:
        """Remove what somebody else has put in the place of the hash."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(ANSWER_S):
                await self._redis.delete(KEY)

    async def _tell_and_hear(self) -> None:
        async with self._redis.pipeline(transaction=False) as commands:
            if self._here and self._serves():
                commands.hset(KEY, self._process, self._here.tell())
                commands.pexpire(KEY, round(GONE_S * 1000))
            else:
                commands.hdel(KEY, self._process)
            if self._gone:
                commands.hdel(KEY, *self._gone)
            commands.hgetall(KEY)
            *_, found = await commands.execute()
        told = {name.decode(errors="replace"): text.decode(errors="replace") for name, text in found.items()}
        told.pop(self._process, None)
        self._gone = self._elsewhere.hear(told, time.monotonic())
