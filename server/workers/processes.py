"""The worker processes of a host that run: those that serve, those to come, those that were retired.

Owns them from their start to their end, and the signals that all of them get. Refuses to know which slot is whose.

The signals to a worker: SIGTERM drains it with its listener open, which then answers 503 (the whole host stops);
SIGUSR1 retires it (its siblings serve: the listener closes at once, then it drains); SIGINT forces it, and is sent
only where an operator insists: one that drains already would take its first SIGINT for a second one.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence

from ..settings import PREFIX
from .orders import FORCED
from .worker_process import Worker

logger = logging.getLogger("ebb")

# Seconds that one which stops by itself has to be gone, before it counts as leaving.
LEAVES_ALONE_AFTER_S = 1.0
# Seconds that the first one to have started waits for the others, so that they begin to listen together.
TOGETHER_WITHIN_S = 5.0

Ready = Callable[[], None]
Tired = Callable[[Worker], Coroutine[None, None, None]]
Left = Callable[[Worker, int | None], Coroutine[None, None, None]]


class WorkerProcesses:
    """Starts processes of `command` with `environment` and a number of its own for each.

    The `first` ones begin to listen together: else every client that waits for the service connects to the quickest of
    them, and a WebSocket stays where it is.

    `ready()` is called for each that became ready; `tired(worker)` is begun for each that serves until it has a
    successor, `left(worker, status)` for each that admits no clients any more: it has ended so, or still runs (None).
    """

    def __init__(
        self, first: int, command: Sequence[str], environment: Mapping[str, str], ready: Ready, tired: Tired, left: Left
    ) -> None:
        self._awaited = first
        self._listening = False
        self._command = command
        self._environment = environment
        self._ready = ready
        self._tired = tired
        self._left = left
        self._running: set[Worker] = set()
        self._starting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.gone = asyncio.Event()

    def __len__(self) -> int:
        return len(self._running)

    async def start(self, number: int) -> Worker:
        """Start one more. Raises OSError."""
        self._starting += 1
        try:
            environment = {**self._environment, f"{PREFIX}WORKER": str(number)}
            worker = await Worker.start(number, self._command, environment)
            self._running.add(worker)
        finally:
            self._starting -= 1
            self._note_if_gone()
        if self._stopping:  # it was not there yet when the others were told
            worker.signal(signal.SIGTERM)
        if self._listening:
            worker.listen()
        self._begin(self._follow(worker))
        return worker

    def drain(self) -> None:
        """Have everyone drain, those too that are being started; `gone` will say when nobody is left."""
        self._stopping = True
        self._tell(signal.SIGTERM)
        self._note_if_gone()

    def force(self) -> None:
        """Have everyone hurry who drains. A worker takes no notice in the first second of its drain."""
        self._tell(signal.SIGINT)

    def _tell(self, which: signal.Signals) -> None:
        for worker in self._running:
            worker.signal(which)

    def _note_if_gone(self) -> None:
        if self._stopping and not self._running and not self._starting:
            self.gone.set()

    def _note_started(self) -> None:
        """One of them has started, or has ended instead."""
        self._awaited -= 1
        if self._awaited <= 0:
            self._listen()
        else:
            asyncio.get_running_loop().call_later(TOGETHER_WITHIN_S, self._listen)

    def _listen(self) -> None:
        if not self._listening:
            self._listening = True
            for worker in self._running:
                worker.listen()

    async def _follow(self, worker: Worker) -> None:
        await worker.tells_started()
        self._note_started()
        if await worker.tells_ready():
            self._ready()
            if await worker.tells_tired():
                self._begin(self._tired(worker))
            await worker.leaves()
        exits = asyncio.ensure_future(worker.exits())
        await asyncio.wait({exits}, timeout=LEAVES_ALONE_AFTER_S)
        self._begin(self._left(worker, exits.result() if exits.done() else None))
        status = await exits
        self._running.discard(worker)
        in_its_drain = worker.ready_at is not None and (worker.retired or self._stopping)
        if in_its_drain and status not in (0, FORCED):
            logger.warning("%s ended with status %d in its drain", worker, status)
        self._note_if_gone()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
