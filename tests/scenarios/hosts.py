"""Starts `python -m server --workers N` like a person, reads its output, and ends every process of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import psutil

from harness.targets.descendants import runs

PATIENCE_S = 30.0
SERVER = (sys.executable, "-m", "server")
SETTINGS = {"BROKER_URL": "memory://", "DRAIN_TIMEOUT_S": "1", "CLOSE_TIMEOUT_S": "1", "NOTIFY_INTERVAL_S": "0"}

ENOUGH = 24  # clients, so that each of two workers has some: one of them has none once in eight million times
PRIVATE = ""  # no broker is set: the workers share the private one of their parent

# A launcher whose workers cannot start while a file exists.
BREAKABLE = """
import os
from contextlib import asynccontextmanager
from functools import partial
from server import app, launcher

@asynccontextmanager
async def startup(_):
    if os.path.exists(os.environ["SERVER_IS_BROKEN"]):
        raise RuntimeError("no database")
    yield

app.create_app = partial(app.create_app, lifespan=startup)
launcher.main()
"""

STARTED = re.compile(r"worker (\d+): Started server process \[(\d+)\]")
SERVES = re.compile(r"workers serve on https?://.*:(\d+) \(process \d+\)$")


class Host:
    """A launcher with workers. `async with Host(...)`: inside, all of them serve; after it, all processes have ended.

    With `comes_up=False` it does not wait until they serve. The other arguments are options and settings.
    """

    def __init__(
        self,
        *options: str,
        workers: int = 2,
        command: Sequence[str] = SERVER,
        comes_up: bool = True,
        preexec: Callable[[], None] | None = None,
        cwd: Path | None = None,
        **settings: str,
    ) -> None:
        self._command = [*command, "--port", "0", "--workers", str(workers), *options]
        environment = {f"SERVER_{name}": value for name, value in (SETTINGS | settings).items() if value}
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
        self._comes_up = comes_up
        self._preexec = preexec
        self._cwd = cwd
        self.lines: list[str] = []
        self.workers: dict[int, list[psutil.Process]] = {number: [] for number in range(1, workers + 1)}

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            cwd=self._cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=self._preexec is None,
            preexec_fn=self._preexec,
        )
        self._reading = asyncio.create_task(self._read())
        if self._comes_up:
            try:
                await self.until(lambda: self.said("workers serve on") or self._process.returncode, "its workers")
                assert self._process.returncode is None, self.output
            except BaseException:
                await self._end()
                raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    @property
    def port(self) -> int:
        """The port on which it listens."""
        (port,) = (int(found[1]) for line in self.lines if (found := SERVES.search(line)))
        return port

    @property
    def output(self) -> str:
        """All that it and its workers have printed."""
        return "\n".join(self.lines)

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The drain reports of the workers."""
        return [json.loads(line) for line in self.lines if line.startswith('{"event": "drain.report"')]

    def said(self, phrase: str) -> int:
        """The number of printed lines with a phrase."""
        return sum(phrase in line for line in self.lines)

    def left(self) -> list[int]:
        """The workers that still run."""
        return [each.pid for processes in self.workers.values() for each in processes if runs(each)]

    def others(self) -> list[psutil.Process]:
        """The children of the parent that are no workers."""
        workers = [each for processes in self.workers.values() for each in processes]
        return [child for child in psutil.Process(self._process.pid).children() if child not in workers]

    def signal(self, which: signal.Signals) -> None:
        """Send a signal to the parent's process group, like a terminal; do nothing after its exit."""
        with contextlib.suppress(ProcessLookupError):  # asyncio tells of an exit a little after it
            if self._process.returncode is None:
                os.killpg(self._process.pid, which)

    async def until(self, condition: Callable[[], object], reason: str) -> None:
        """Wait for a condition; on failure, show the reason and the output."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"not within {PATIENCE_S} s: {reason}\n{self.output}") from None

    async def until_said(self, phrase: str, times: int = 1) -> None:
        """Wait until it has printed `times` lines with a phrase."""
        await self.until(lambda: self.said(phrase) >= times, f"{phrase!r}, {times} times")

    async def until_exit(self) -> int:
        """Wait for the parent's exit; return its status."""
        # Not `wait()`, which also waits until no process, workers included, has its output open.
        await self.until(lambda: self._process.returncode is not None, "the parent's exit")
        assert self._process.returncode is not None
        if not self.left():
            await self._until_silent()
        return self._process.returncode

    async def _until_silent(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.shield(self._reading)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            text = line.decode().rstrip()
            self.lines.append(text)
            if (found := STARTED.search(text)) is not None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    self.workers[int(found[1])].append(psutil.Process(int(found[2])))

    async def _end(self) -> None:
        """Kill every process that is left."""
        if self._process.returncode is None:
            self._process.kill()
        for each in (process for processes in self.workers.values() for process in processes):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        await self._process.wait()
        await self._until_silent()
