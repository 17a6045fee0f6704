"""Where heavy computations run: a bounded pool of processes, so that the event loop never stalls.

Owns the processes. The pool starts on first use. Its processes ignore SIGINT and SIGTERM, which reach them too when a
whole group is signalled: they are needed until the last client was answered, and are killed then.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import multiprocessing
import os
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING

from ..messages.frame import Frame

if TYPE_CHECKING:  # a process of the pool imports this module, and starts sooner without all of that
    from ..connections.connection import Connection
    from ..limits.rate import Limited

DIFFICULTY = "0000"
WAITING = 32

# Seconds that an executor whose processes were killed has to notice.
_END_S = 0.3


class Heavy:
    """`/ws/heavy`: each text is answered with the result of a computation that takes a core, in another process."""

    def __init__(self, connection: Connection, pool: HeavyPool) -> None:
        self._connection = connection
        self._pool = pool

    def on_open(self) -> Sequence[Frame]:
        """Say nothing, and subscribe to nothing."""
        return ()

    async def on_message(self, text: str) -> None:
        """Answer one text."""
        self._connection.offer(Frame.of(await self._pool.compute(text)))

    def on_limited(self, text: str, limited: Limited) -> Frame:  # noqa: ARG002  # it has no id
        """Say that its sender is too fast."""
        detail, retry_after_s = f"rate_limited: {limited.detail}", limited.retry_after_s
        return Frame.of(json.dumps({"status": "error", "detail": detail, "retry_after_s": retry_after_s}))


class HeavyPool:
    """At most `processes` computations at once; others wait their turn, at most `waiting`."""

    def __init__(self, processes: int | None = None, waiting: int = WAITING) -> None:
        self._processes = processes or max(1, (os.cpu_count() or 2) - 1)
        self._free = asyncio.Semaphore(self._processes)
        self._waiting_limit = waiting
        self._waiting = 0
        self._executor: ProcessPoolExecutor | None = None

    async def compute(self, text: str) -> str:
        """Return the result as JSON text; one that says so if too many wait, or its process died.

        One that is cancelled while it waits is never begun; one that is begun has its process until it is done.
        """
        if self._waiting >= self._waiting_limit:
            return json.dumps({"status": "error", "detail": f"busy: {self._waiting} computations wait; send it again"})
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        work = asyncio.create_task(self._work(text))
        work.add_done_callback(self._done)
        return await asyncio.shield(work)

    def _done(self, work: asyncio.Task[str]) -> None:
        self._free.release()
        if not work.cancelled():
            work.exception()  # who asked has heard of it, or is gone

    async def _work(self, text: str) -> str:
        if self._executor is None:
            spawn = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self._processes, spawn, _ignore_signals)
        executor = self._executor
        try:
            work = asyncio.get_running_loop().run_in_executor(executor, prove_work, text)
            work.add_done_callback(lambda done: done.cancelled() or done.exception())  # who asked may be gone by then
            # shielded: CPython 3.11 prints a traceback when a pool breaks that holds a cancelled future
            return await asyncio.shield(work)
        except BrokenProcessPool:
            if self._executor is executor:
                self._executor = None  # the next computation starts a new pool
            return '{"status": "error", "detail": "the process that worked on it died; send it again"}'

    async def end(self) -> None:
        """End the processes, whatever they are at; and their executor, which tells this event loop of each."""
        executor, self._executor = self._executor, None
        if executor is not None:
            for process in list(executor._processes.values()):  # `kill_workers()` from Python 3.14 on
                process.kill()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END_S):  # after the loop has closed it would print a traceback
                    await asyncio.to_thread(executor.shutdown)


def _ignore_signals() -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)


def prove_work(text: str) -> str:
    """Find the least `nonce` for which SHA-256 of `{text}:{nonce}` begins with four zeros; return both as JSON text."""
    prefix = hashlib.sha256(f"{text}:".encode())
    nonce = 0
    while True:
        attempt = prefix.copy()
        attempt.update(b"%d" % nonce)
        if attempt.hexdigest().startswith(DIFFICULTY):
            return json.dumps({"status": "ok", "nonce": nonce, "sha256": attempt.hexdigest()})
        nonce += 1
