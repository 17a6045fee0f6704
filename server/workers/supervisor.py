"""The workers of one port: which of them serves in which slot.

Owns the life of the workers: starts them, brings back one that ended, replaces them one by one, drains them all. What
it decides is in `orders`, the processes are in `processes`. Refuses to know the port, the broker and where signals come
from.

A worker that has reached its request limit is replaced as in a roll; one that admits no clients any more although its
parent did not ask (a signal to it alone) is retired, and another one starts. When the parent is killed its workers
retire: the port is free at once, and no client is cut off.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field

from .orders import COULD_NOT_START, FORCED, Backoff, FirstStart, Order, Orders
from .processes import WorkerProcesses
from .worker_process import Worker

logger = logging.getLogger("ebb")

# Seconds that a new worker may take until it is ready; then the one before it is kept.
READY_WITHIN_S = 60.0
# Seconds between two forces, until everyone is gone.
FORCE_EVERY_S = 0.5


@dataclass
class Slot:
    """One of the numbers, and the worker that serves under it. To change that, hold `change`."""

    number: int
    worker: Worker | None = None
    backoff: Backoff = field(default_factory=Backoff)
    change: asyncio.Lock = field(default_factory=asyncio.Lock)


class Supervisor:
    """Runs `count` workers, each the `command`, which together serve `url`; they inherit `environment`."""

    def __init__(self, count: int, command: Sequence[str], environment: Mapping[str, str], url: str) -> None:
        self._url = url
        self._slots = [Slot(number) for number in range(1, count + 1)]
        self._processes = WorkerProcesses(count, command, environment, self._note_ready, self._relieve, self._replace)
        self._orders = Orders()
        self._first_start = FirstStart(count)
        self._announced = False
        self._roll_wanted = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._status = 0

    async def run(self) -> int:
        """Serve until told to stop and everyone is gone; return the exit status. Once."""
        for slot in self._slots:
            self._begin(self._fill(slot, None))
        self._begin(self._roll_when_wanted())
        await self._processes.gone.wait()
        return FORCED if self._orders.forced else self._status

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._orders.stopping

    def told(self, which: int) -> None:
        """Take a signal: SIGTERM, SIGINT or SIGHUP."""
        match which:
            case signal.SIGTERM:
                order = self._orders.terminate(self._now())
            case signal.SIGINT:
                order = self._orders.interrupt(self._now())
            case _:
                order = self._orders.hang_up()
        match order:
            case Order.DRAIN:
                logger.info("told to stop: %d workers", len(self._processes))
                self._processes.drain()
            case Order.FORCE:
                logger.info("forced by an operator: %d workers left", len(self._processes))
                self._begin(self._force())
            case Order.ROLL:
                self._roll_wanted.set()

    async def _force(self) -> None:
        while True:
            self._processes.force()
            await asyncio.sleep(FORCE_EVERY_S)

    # ---- The roll ----

    async def _roll_when_wanted(self) -> None:
        while True:
            await self._roll_wanted.wait()
            self._roll_wanted.clear()  # wanted again from here on: once more after this one
            logger.info("replacing %d workers, one by one", len(self._slots))
            for slot in self._slots:
                if (obstacle := await self._renew(slot, slot.worker)) is not None:
                    level = logging.INFO if self.stopping else logging.WARNING
                    logger.log(level, "no more workers are replaced: %s", obstacle)
                    break
            else:
                logger.info("replaced %d workers", len(self._slots))

    async def _renew(self, slot: Slot, former: Worker | None) -> str | None:
        """Put a new worker where `former` serves, once it is ready; else say what is in the way."""
        async with slot.change:
            if self.stopping:
                return "the host is stopping"
            if slot.worker is not former:
                return None  # has been done
            try:
                new = await self._processes.start(slot.number)
            except OSError as error:
                return f"worker {slot.number} cannot be started: {error}"
            await asyncio.wait({new.ready}, timeout=READY_WITHIN_S)
            if self.stopping:
                return "the host is stopping"
            if not (new.ready.done() and new.ready.result()):
                new.retire()
                return f"{new} did not become ready, {slot.worker} stays"
            slot.worker = new
            if former is not None:
                former.retire()
            logger.info("%s serves, %s is retired", new, former)
            return None

    async def _relieve(self, worker: Worker) -> None:
        """Replace one that asks for it, however often it takes."""
        slot = self._slots[worker.number - 1]
        while (obstacle := await self._renew(slot, worker)) is not None and not self.stopping:
            delay_s = slot.backoff.ended(None, self._now())
            logger.warning("%s has reached its request limit, but %s; next try in %.1f s", worker, obstacle, delay_s)
            await asyncio.sleep(delay_s)

    # ---- One of them ----

    async def _fill(self, slot: Slot, former: Worker | None, delay_s: float = 0.0) -> None:
        """Start a worker where `former` was, unless that has been done."""
        while True:
            await asyncio.sleep(delay_s)
            async with slot.change:
                if self.stopping or slot.worker is not former:
                    return
                try:
                    slot.worker = await self._processes.start(slot.number)
                    return
                except OSError as error:
                    if self._give_up(slot, COULD_NOT_START[-1]):
                        return
                    delay_s = slot.backoff.ended(None, self._now())
                    logger.warning("worker %d cannot be started: %s; next try in %.1f s", slot.number, error, delay_s)

    async def _replace(self, worker: Worker, status: int | None) -> None:
        """Put another one where a worker served that ended with `status` (None: it is leaving), unless it was to."""
        slot = self._slots[worker.number - 1]
        async with slot.change:  # a roll may be about to settle that
            if self.stopping or slot.worker is not worker:
                return
        if status is not None and self._give_up(slot, status):
            return
        delay_s = slot.backoff.ended(worker.ready_at, self._now())
        if status is None:
            worker.retire()
            logger.info("%s is leaving by itself; another one comes in %.1f s", worker, delay_s)
        else:
            logger.warning("%s ended with status %d; another one comes in %.1f s", worker, status, delay_s)
        await self._fill(slot, worker, delay_s)

    def _give_up(self, slot: Slot, status: int) -> bool:
        """Stop everything if no worker can start at all."""
        give_up_with = self._first_start.ended(slot.number, status)
        if give_up_with is None:
            return False
        logger.critical("none of %d workers could start", len(self._slots))
        self._status = give_up_with
        self.told(signal.SIGTERM)
        return True

    def _note_ready(self) -> None:
        """Say once that everyone is ready."""
        self._first_start.ready()
        workers = [slot.worker for slot in self._slots]
        if not self._announced and all(worker is not None and worker.ready_at is not None for worker in workers):
            self._announced = True
            logger.info("%d workers serve on %s (process %d)", len(workers), self._url, os.getpid())

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
