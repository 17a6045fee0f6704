"""Clients of a host with workers: connections to `/ws`, and a watch that asks for readiness all the time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect

from harness.probes.http import fetch
from harness.probes.network import HOST
from tests.scenarios.hosts import PATIENCE_S


@asynccontextmanager
async def crowd(port: int, size: int) -> AsyncIterator[list[ClientConnection]]:
    """Connect `size` clients to `/ws`."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connect(f"ws://{HOST}:{port}/ws")) for _ in range(size)]


async def notice(client: ClientConnection) -> dict[str, Any]:
    """Receive the next message of a client, which must be the notice."""
    async with asyncio.timeout(PATIENCE_S):
        heard: dict[str, Any] = json.loads(await client.recv())
    assert heard["type"] == "draining"
    return heard


async def close_code(client: ClientConnection) -> int | None:
    """The close code of a client's connection; None if it ended without a close frame."""
    async with asyncio.timeout(PATIENCE_S):
        await client.wait_closed()
    return client.close_code if client.close_code != 1006 else None


class Watch:
    """Asks for readiness all the time. `longest_s` is the longest time for which the host was not ready."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.longest_s = 0.0
        self.answers: dict[int | str, int] = {}

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._ask())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _ask(self) -> None:
        clock = asyncio.get_running_loop().time
        unready_since: float | None = None
        while True:
            began = clock()
            reply = await fetch(self._port, "/ready")
            answer = reply.status or reply.error or "nothing"
            self.answers[answer] = self.answers.get(answer, 0) + 1
            if reply.status == 200:
                self.longest_s = max(self.longest_s, clock() - (unready_since or clock()))
                unready_since = None
            else:
                unready_since = unready_since or began
                self.longest_s = max(self.longest_s, clock() - unready_since)
            await asyncio.sleep(0.005)
