"""A real server process that a test talks to by itself, without the harness."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect

from harness.probes.network import free_port


class Running:
    """The process, and what it has printed."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process, self.port = process, port
        self.lines: list[str] = []
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().strip())

    def said(self, *texts: str) -> list[str]:
        return [line for line in self.lines if line in texts]

    async def connect(self, path: str = "/") -> ClientConnection:
        return await connect(f"ws://127.0.0.1:{self.port}{path}", open_timeout=5)

    async def first_client(self, path: str = "/") -> ClientConnection:
        clients: list[ClientConnection] = []

        async def try_it() -> None:
            while not clients:
                try:
                    clients.append(await self.connect(path))
                except OSError:
                    await asyncio.sleep(0.05)

        await asyncio.wait_for(try_it(), 20)
        return clients[0]

    async def until_exit(self) -> int:
        status = await asyncio.wait_for(self.process.wait(), 20)
        await self.reading
        return status


@asynccontextmanager
async def started(command: str, **settings: str) -> AsyncIterator[Running]:
    """Start Python with `command`, in which `{port}` is a free one, and `settings` in its environment."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command.format(port=port).split(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **settings},
    )
    running = Running(process, port)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.terminate()
            await running.until_exit()
