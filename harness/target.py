"""The black box: a server that is started, found ready, signalled, watched and outlived.

Owns what the history says about the target itself: `started`, `signal`, `line`, `exited`, `left_behind`. The
process is `harness.process`. Refuses to know clients, clauses and what its output means.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from harness.history import History
from harness.network import HOST, free_port, name_of, why_not_bindable
from harness.probes import fetch
from harness.process import Process, To
from harness.profile import Profile

__all__ = ["Profile", "Target", "TargetFailed"]

READY_EVERY_S = 0.020
ORPHANS_WITHIN_S = 0.25
RECORDED_LINES = 200_000


class TargetFailed(Exception):
    """The target did not come up.

    `status`: its exit status, None while it ran. `tail`: the last lines that it printed. `log`: the file with
    all of them, None where it never ran.
    """

    def __init__(self, reason: str, status: int | None, tail: list[str], log: Path | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.tail = tail
        self.log = log


class Target:
    """A server under test. `async with Target(...)`: ready inside, gone with all its processes after."""

    def __init__(self, profile: Profile, history: History, environment: Mapping[str, str] | None = None) -> None:
        self.profile = profile
        self.history = history
        self.environment = dict(environment or {})
        self.port = free_port()
        self._lines = 0

    async def __aenter__(self) -> Self:
        """Start it and wait until it is ready. Raises TargetFailed, with nothing left running."""
        self._process = self._start()
        try:
            await self._until_ready()
        except BaseException as error:
            await self._process.close(keep_log=isinstance(error, TargetFailed))
            raise
        self._process.descendants.look()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._process.close()

    @property
    def pid(self) -> int:
        """The process that the command became."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status as waitpid says it: -15 when SIGTERM ended it; None while it runs."""
        return self._process.status

    def signal(self, which: signal.Signals, to: To = "process") -> None:
        """Send a signal to its process or its process group. The first one is t0."""
        self.history.record(time.monotonic(), "target", "signal", signal=which.name, to=to)
        self._process.signal(which, to)

    def note_children(self) -> None:
        """Remember its children, in case one outlives it. Costs some milliseconds: not near t0."""
        self._process.descendants.look()

    async def until_exit(self, within_s: float) -> bool:
        """Wait for its exit; False when it has not come `within_s`."""
        try:
            async with asyncio.timeout(within_s):
                await self._process.exited.wait()
        except TimeoutError:
            return False
        exited_at, self._process.exited_at = self._process.exited_at, None
        if exited_at is not None:
            self.history.record(exited_at, "target", "exited", status=self.status)
        return True

    async def kill(self) -> None:
        """End its process group at once, and record the exit."""
        self._process.signal(signal.SIGKILL, "group")
        await self.until_exit(within_s=10.0)

    async def look_behind(self) -> None:
        """Record which of its processes run, and whether its port can be bound at this moment.

        Processes that end with their parent, such as a resource tracker, are given 250 ms to notice its exit.
        """
        port_error = why_not_bindable(self.port)
        patience_ends = time.monotonic() + (ORPHANS_WITHIN_S if self._process.exited.is_set() else 0.0)
        while (left := self._process.descendants.alive()) and time.monotonic() < patience_ends:
            await asyncio.sleep(0.010)
        left_behind = {"pids": [process.pid for process in left], "port_free": port_error is None}
        self.history.record(time.monotonic(), "target", "left_behind", **left_behind, port_error=port_error)

    def _start(self) -> Process:
        placeholders = {"{port}": str(self.port), "{python}": sys.executable}
        command = list(self.profile.command)
        for placeholder, value in placeholders.items():
            command = [word.replace(placeholder, value) for word in command]
        try:
            process = Process(command, self.environment, self._note_line)
        except OSError as error:
            raise TargetFailed(f"cannot run {command[0]}: {error.strerror}", None, [], None) from error
        self.history.record(time.monotonic(), "target", "started", pid=process.pid)
        return process

    def _note_line(self, t: float, text: str) -> None:
        self._lines += 1
        if self._lines <= RECORDED_LINES:
            self.history.record(t, "target", "line", text=text)

    async def _until_ready(self) -> None:
        patience_ends = time.monotonic() + self.profile.startup_timeout_s
        seen = "no answer"
        while time.monotonic() < patience_ends:
            if self._process.exited.is_set():
                raise self._failure("it exited before it was ready")
            up, seen = await self._is_up()
            if up:
                return
            await asyncio.sleep(READY_EVERY_S)
        raise self._failure(f"it was not ready within {self.profile.startup_timeout_s:g} s: {seen}")

    async def _is_up(self) -> tuple[bool, str]:
        """Whether it is, and what was seen. One without a readiness route (4xx) is up when it answers."""
        if self.profile.ready is None:
            return await self._accepts()
        reply = await fetch(self.port, self.profile.ready)
        seen = f"GET {self.profile.ready}: {reply.status or reply.error}"
        return reply.status is not None and 200 <= reply.status < 500, seen

    async def _accepts(self) -> tuple[bool, str]:
        try:
            async with asyncio.timeout(1.0):
                _, writer = await asyncio.open_connection(HOST, self.port)
        except OSError as error:
            return False, f"connection {name_of(error)}"
        writer.transport.abort()
        return True, "accepts connections"

    def _failure(self, reason: str) -> TargetFailed:
        return TargetFailed(reason, self.status, list(self._process.tail), self._process.log)
