"""The way of a shutdown, from top to bottom.

Owns the drain of this process: it feeds the state machine of `machine` and performs what that answers, on the
connections that there are, whatever they are (`Client`). Refuses to know signals and uvicorn, which calls `drain` when
it is to stop (see `uvicorn`).
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ..logs import raised_at
from ..messages.wire import Draining
from .events import (
    TURNS,
    Abort,
    Departure,
    DrainTerms,
    Effect,
    Evict,
    ForceRequested,
    Gone,
    Joined,
    Notify,
    Phase,
    Progress,
    StopRequested,
    Ticked,
)
from .machine import Drain

logger = logging.getLogger("ebb")

TICK_S = 0.05
# Notices, or close frames, sent in one turn of the event loop: about 5 ms of work.
BATCH = 100


class Client(Protocol):
    """What the drain asks of a connection. `number` is its own in this process."""

    number: int

    @property
    def departure(self) -> Departure:
        """How it ended, once it has."""

    @property
    def quiet(self) -> bool:
        """Whether everything is answered, and `close_now` would not wait."""

    def tell(self, notice: Draining) -> None:
        """Send the notice, without waiting."""

    async def close_now(self, until: float) -> None:
        """Close it while it is quiet; the closing handshake may last until `until`, in the loop's time."""

    async def say_goodbye(self, until: float) -> None:
        """Answer everything that has arrived, then close it, all by `until`."""

    def abort(self) -> None:
        """Cut it off."""

    def give_up(self) -> None:
        """Stop what is still done for a client that is gone."""


class Clients(Protocol):
    """Who keeps the connections, by their numbers."""

    @property
    def connections(self) -> Mapping[int, Client]:
        """Those that there are."""

    async def catch_up(self) -> None:
        """Send them what was accepted for them before, in other processes, too; within 1.2 s."""


class Shutdown:
    """The drain of one process, which is worker number `worker` of a launcher, or 0: alone.

    Handlers have `handlers_end_s` to end by themselves once the last client is gone; then they are given up.
    Must be made, and used, in the event loop that serves.
    """

    def __init__(self, clients: Clients, terms: DrainTerms, worker: int = 0, handlers_end_s: float = 0.0) -> None:
        self._clients = clients
        self._handlers_end_s = handlers_end_s
        self.worker = worker
        self._machine = Drain(terms)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed = 0
        self._notifying: asyncio.Task[None] | None = None
        self.told_to_stop: Callable[[], bool] = lambda: False
        self.take_force: Callable[[], bool] = lambda: False
        self.handlers_end_at = math.inf  # in the loop's time; known once the last client is gone

    async def drain(self) -> None:
        """Notify every client, serve them on, close them, account for them. Returns when no connection is left."""
        self._feed(StopRequested())
        while self._machine.phase is not Phase.STOPPED:
            await asyncio.sleep(TICK_S)
            self._feed(ForceRequested() if self.take_force() else Ticked())
        self.handlers_end_at = self._now() + self._handlers_end_s
        while self._clients.connections and self._now() < self.handlers_end_at:
            await asyncio.sleep(TICK_S)
        for connection in list(self._clients.connections.values()):
            try:
                connection.give_up()
            except Exception as error:
                self._cut_off(connection, error)
        if self._failed > 1:
            logger.error("%d connections were cut off because something was raised", self._failed)

    # ---- What the rest of the server asks and reports ----

    @property
    def phase(self) -> Phase:
        """The phase; DRAINING as soon as the process was told to stop, even before the drain has begun."""
        if self._machine.phase is Phase.SERVING and self.told_to_stop():
            return Phase.DRAINING
        return self._machine.phase

    def joined(self, connection: Client) -> None:
        """Count a connection in. In the same turn of the event loop as the check of `phase` that admitted it."""
        self._feed(Joined(connection.number))

    def gone(self, connection: Client) -> None:
        """Count a connection out that has ended; one that never joined changes nothing.

        A client that leaves right after the signal counts as present at it.
        """
        if not self._machine.has(connection.number):
            return
        if self._machine.phase is Phase.SERVING and self.told_to_stop():
            self._feed(StopRequested())
        self._feed(Gone(connection.number, connection.departure))

    @property
    def forced(self) -> bool:
        """Whether an operator has forced the stop."""
        return self._machine.forced

    @property
    def deadline(self) -> float:
        """When the drain timeout is over, in the loop's time; infinite while serving."""
        return self._machine.deadline

    @property
    def remaining(self) -> int:
        """How many connections there are."""
        return self._machine.remaining

    @property
    def departures(self) -> Mapping[Departure, int]:
        """How many connections have ended since the drain began, and how."""
        return self._machine.departures

    def report(self) -> str:
        """The account of the drain: one JSON line."""
        who = {"worker": self.worker} if self.worker else {}
        return json.dumps({"event": "drain.report", **who, **dataclasses.asdict(self._machine.report(self._now()))})

    # ---- Performing the effects ----

    def _feed(self, event: Joined | Gone | StopRequested | ForceRequested | Ticked) -> None:
        for effect in self._machine.handle(event, self._now()):
            self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        connections = self._clients.connections
        match effect:
            case Notify(moments, deadline):
                self._notifying = self._start(self._notify(moments, deadline))
            case Evict(numbers, until):
                self._start(self._evict([connections[number] for number in numbers], until))
            case Abort(numbers):
                for number in numbers:
                    try:
                        connections[number].abort()
                    except Exception as error:
                        self._cut_off(connections[number], error)
            case Progress(phase, remaining, time_left_s):
                logger.info("%s: %d connections left, %.1f s at most", phase, remaining, time_left_s)

    async def _notify(self, moments: Sequence[tuple[int, float]], deadline: float) -> None:
        """Send the notice, in batches, so that readiness is answered in between, however many there are."""
        for start in range(0, len(moments), BATCH):
            deadline_s = round(deadline - self._now(), 3)
            deadline_at = datetime.now(UTC) + timedelta(seconds=deadline_s)
            for number, moment in moments[start : start + BATCH]:
                if (connection := self._clients.connections.get(number)) is not None:
                    reconnect_after_s = round(max(0.0, moment), 3)
                    notice = Draining(
                        deadline_s=deadline_s, deadline_at=deadline_at, reconnect_after_s=reconnect_after_s
                    )
                    try:
                        connection.tell(notice)
                    except Exception as error:
                        self._cut_off(connection, error)
            await asyncio.sleep(0)

    async def _evict(self, chosen: Sequence[Client], until: float) -> None:
        """Close some connections, in batches as well.

        What they have sent until now reaches their inboxes first; what others have said reaches them.
        """
        if self._notifying is not None:
            await self._notifying  # with a drain timeout of 0 the first eviction would overtake the notice
        try:
            await self._clients.catch_up()
        except Exception as error:
            logger.error("clients may miss the last messages, and the stop goes on: %r at %s", error, raised_at(error))
        for _ in range(TURNS):
            await asyncio.sleep(0)
        for place, connection in enumerate(chosen, start=1):
            await self._say_goodbye(connection, until)
            if place % BATCH == 0:
                await asyncio.sleep(0)

    async def _say_goodbye(self, connection: Client, until: float) -> None:
        """Close a connection that is quiet at once; any other in a task of its own, for it may take its time."""
        try:
            if connection.quiet:
                await connection.close_now(until)
            else:
                self._start(self._take_leave(connection, until))
        except Exception as error:
            self._cut_off(connection, error)

    async def _take_leave(self, connection: Client, until: float) -> None:
        try:
            await connection.say_goodbye(until)
        except Exception as error:
            self._cut_off(connection, error)

    def _cut_off(self, connection: Client, error: Exception) -> None:
        """Go on without a connection on which something was raised. A line for the first one."""
        self._failed += 1
        if self._failed == 1:
            logger.error("a connection is cut off, and the stop goes on: %r at %s", error, raised_at(error))
        with contextlib.suppress(Exception):
            connection.abort()

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
