"""Performs what the machine decides about connections: opens, writes to and leaves them, and calls it when time is up.

Owns the connections' tasks and the timer. Refuses to decide anything itself, and to know what becomes of messages: all
other effects go to the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from . import wire
from .connection import Connection, Headers
from .events import Effect, Ending, Leave, Open, Send
from .machine import Machine


class Performer:
    """Between the machine and the connections of one client. `room` waits until another message may be read."""

    def __init__(
        self,
        machine: Machine,
        urls: Sequence[str],
        headers: Headers,
        settings: Mapping[str, Any],
        room: Callable[[], Awaitable[None]],
        client: Callable[[Effect], None],
    ) -> None:
        self.room = room
        self._machine = machine
        self._urls = urls
        self._headers = headers
        self._settings = settings
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._connections: dict[int, Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due_at: float | None = None

    def perform(self, effects: Iterable[Effect] = ()) -> None:
        """Do what the machine wants done, and see when something is due."""
        for effect in effects:
            match effect:
                case Open(number, place, query):
                    self._open(number, self._urls[place] + query)
                case Send(number, text):
                    if number in self._connections:
                        self._connections[number].send(text)
                case Leave(number):
                    if number in self._connections:
                        self._connections.pop(number).leave()
                case _:
                    self._client(effect)
        self._arm()

    async def until_left(self) -> None:
        """Wait until the tasks of all connections have ended."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def on_text(self, number: int, text: str | bytes) -> None:
        """Take what a connection has heard."""
        said = wire.read(text)
        if said is not None:
            self.perform(self._machine.heard(number, said, self._loop.time()))

    def on_end(self, number: int, ending: Ending) -> None:
        """Take the end of a connection."""
        self._connections.pop(number, None)
        self.perform(self._machine.lost(number, ending, self._loop.time()))

    def _open(self, number: int, url: str) -> None:
        connection = self._connections[number] = Connection(number, url, self, self._headers, self._settings)
        task = connection.begin()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _arm(self) -> None:
        due_at = self._machine.due_at
        if due_at == self._due_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due_at = due_at
        self._timer = None if due_at is None else self._loop.call_at(due_at, self._tick)

    def _tick(self) -> None:
        self._due_at = None
        self.perform(self._machine.tick(self._loop.time()))
