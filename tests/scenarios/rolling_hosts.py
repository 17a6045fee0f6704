"""Hosts of the reference server that share a broker, and are replaced one after another like in a rolling deploy."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from clients.python import Client
from harness.probes.http import fetch
from harness.targets.known import LAUNCHER
from harness.targets.target import Target
from server.brokers.embedded import EmbeddedValkey
from tests.harness.servers import empty_history

SETTINGS = {
    "SERVER_NOTIFY_INTERVAL_S": "0",
    "SERVER_MESSAGES_PER_S": "0",  # many messages in a short time
    "SERVER_DRAIN_TIMEOUT_S": "10",
    "SERVER_RECONNECT_WINDOW_S": "1",
    "SERVER_CLOSE_TIMEOUT_S": "1",
}
EXIT_S = 20.0
REPORT = '{"event": "drain.report"'


class Hosts:
    """Hosts with one broker, each of which can be replaced."""

    def __init__(self, environment: dict[str, str], stack: AsyncExitStack) -> None:
        self.environment = environment
        self._stack = stack
        self.running: list[Target] = []

    @property
    def urls(self) -> list[str]:
        return [f"ws://127.0.0.1:{host.port}" for host in self.running]

    async def start(self, port: int | None = None) -> Target:
        return await self._stack.enter_async_context(Target(LAUNCHER, empty_history(), self.environment, port=port))

    async def replace(self, number: int) -> dict[str, Any]:
        """Drain a host to its exit, which must be clean, and start it again on its port; return the drain's report."""
        old = self.running[number]
        old.signal(signal.SIGTERM)
        assert await old.until_exit(EXIT_S), "it did not exit"
        assert old.status == 0
        self.running[number] = await self.start(old.port)
        lines = [event.detail["text"] for event in old.history.events if event.what == "line"]
        (report,) = [json.loads(line) for line in lines if line.startswith(REPORT)]
        return report

    async def crash(self, number: int) -> None:
        """Kill a host, and start it again on its port."""
        old = self.running[number]
        await old.kill()
        self.running[number] = await self.start(old.port)


@asynccontextmanager
async def hosts_of_one_broker(number: int = 2, **settings: str) -> AsyncIterator[Hosts]:
    """Start hosts, with `settings` besides SETTINGS; inside, all of them are ready."""
    with EmbeddedValkey() as valkey:
        async with AsyncExitStack() as stack:
            hosts = Hosts(SETTINGS | settings | {"SERVER_BROKER_URL": valkey.url}, stack)
            hosts.running = [await hosts.start() for _ in range(number)]
            yield hosts


async def publish_until(stopped: asyncio.Event, publisher: Client, published: list[int], pause_s: float = 0.02) -> None:
    """Publish the numbers from 0 on, each once the one before is acknowledged, until the test has seen enough."""
    while not stopped.is_set():
        await publisher.publish(len(published))
        published.append(len(published))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await stopped.wait()


async def until_connected(hosts: Hosts, clients: int) -> None:
    """Wait until the hosts have as many connections in all."""
    async with asyncio.timeout(EXIT_S):
        while sum([await connections(host) for host in hosts.running]) != clients:
            await asyncio.sleep(0.05)


async def connections(host: Target) -> int:
    """Ask a host how many connections it has."""
    return int(json.loads((await fetch(host.port, "/health")).body)["connections"])
