"""Clients by the thousand in one process: how they are opened, and what became of them."""

from __future__ import annotations

import argparse
import asyncio
import gc
import resource
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from ..client import Client
from ..connecting import connect
from ..events import Status
from ..wire import Message
from .figures import Samples

AT_ONCE = 100  # handshakes
SPARE_DESCRIPTORS = 100
# The server pings; compression costs 300 kB a client.
SETTINGS: dict[str, Any] = {"compression": None, "ping_interval": None}


class Crowd:
    """As many clients as were asked for. `on_message` is called with a client's index and its message."""

    def __init__(self, args: argparse.Namespace, on_message: Callable[[int, Message], None]) -> None:
        self.opened = Samples()
        self.clients: list[Client] = []
        self.counts = {"draining": 0, "moved": 0, "cut": 0, "refused": 0, "lost messages": 0}
        self._args = args
        self._on_message = on_message
        self._managers: list[AbstractAsyncContextManager[Client]] = []

    @property
    def connected(self) -> int:
        """How many have a connection."""
        return sum(client.connected for client in self.clients)

    @property
    def trouble(self) -> str:
        """How often what has happened to them, in one line."""
        counts = self.counts
        return (
            f"{counts['draining']} told of a drain, {counts['moved']} moved, {counts['cut']} cut, "
            f"{counts['refused']} attempts refused, {counts['lost messages']} gaps"
        )

    async def open(self) -> None:
        """Connect all of them. Raises CannotConnect for the first that cannot, OSError without enough descriptors."""
        allow_descriptors(2 * self._args.clients + SPARE_DESCRIPTORS)
        limit = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                for index in range(self._args.clients):
                    group.create_task(self._open(index, limit))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        gc.freeze()  # none of it is garbage, and looking for some would stop all clients

    async def close(self) -> None:
        """Leave with all of them."""
        await asyncio.gather(*(manager.__aexit__(None, None, None) for manager in self._managers))

    async def until_one_ends(self) -> None:
        """Wait until a client ends by itself, and raise ClientEnded."""
        waiting = [asyncio.create_task(client.until_ended()) for client in self.clients]
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            for each in waiting:
                each.cancel()

    async def _open(self, index: int, limit: asyncio.Semaphore) -> None:
        args = self._args
        manager = connect(
            *args.urls,
            rooms=args.room,
            token=args.token,
            on_message=lambda message: self._on_message(index, message),
            on_gap=lambda _: self._count("lost messages"),
            on_status=self._on_status,
            open_timeout_s=args.open_timeout,
            **SETTINGS,
        )
        async with limit:
            began_at = time.monotonic()
            self.clients.append(await manager.__aenter__())
            self._managers.append(manager)
            self.opened.add(time.monotonic() - began_at)

    def _on_status(self, status: Status) -> None:
        if status.what != "connected":
            self._count(status.what)

    def _count(self, what: str) -> None:
        self.counts[what] += 1


def allow_descriptors(needed: int) -> None:
    """Allow this process so many open descriptors. Raises OSError when it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise OSError(f"{needed} open files are needed, and {hard} allowed: raise `ulimit -Hn`, or use fewer clients")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
