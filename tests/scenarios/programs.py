"""Programs that a test runs like a person, and what they print."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

ENDS_WITHIN_S = 20.0


class Program:
    """A process, and what it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.output = ""
        self.errors = ""
        self._reading = [asyncio.create_task(self._read(name)) for name in ("output", "errors")]

    async def _read(self, name: str) -> None:
        stream = self.process.stdout if name == "output" else self.process.stderr
        assert stream is not None
        async for line in stream:
            setattr(self, name, getattr(self, name) + line.decode())

    async def ended(self) -> int:
        """Wait for its end; return its exit status."""
        async with asyncio.timeout(ENDS_WITHIN_S):
            status = await self.process.wait()
            await asyncio.gather(*self._reading)
        return status


@asynccontextmanager
async def running(*command: object, **options: Any) -> AsyncIterator[Program]:
    """Run a program, with options of `asyncio.create_subprocess_exec`; if it still runs in the end, kill it."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        **options,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
