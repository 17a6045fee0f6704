"""The black box: a server that is started, found ready, told to stop by a signal, and watched until its exit.

Owns the events about the target itself: `started`, `ready`, `signal`, `line`, `exited`, `left_behind`. Its process is
in `harness.targets.process`. Refuses to know clients, clauses and what its output means.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from ..history.record import History
from ..probes.http import is_up
from ..probes.network import free_port, why_not_bindable
from .attached import Attached
from .declaration import Profile
from .process import Process, To

__all__ = ["Profile", "Target", "TargetFailed"]

READY_EVERY_S = 0.020
ORPHANS_WITHIN_S = 0.25
IDLE_S = 0.4
LAST_LINES = 3
RECORDED_LINES = 200_000


class TargetFailed(Exception):
    """The target did not come up, or exited before it was told to stop.

    `status`: its exit status, None if it ran. `tail`: the last lines that it printed. `log`: the file with
    all of them, None if it never ran. `what`: the headline.
    """

    def __init__(
        self, reason: str, status: int | None, tail: list[str], log: Path | None, what: str = "the target did not start"
    ) -> None:
        super().__init__(reason)
        self.what = what
        self.reason = reason
        self.status = status
        self.tail = tail
        self.log = log


class Target:
    """A server under test. `async with Target(...)`: ready inside; after it, all its processes are gone.

    `words` are the values of the command's placeholders, besides `{port}`, `{python}` and `{folder}` (a new empty
    folder). With `comes_up=False` it does not wait until the target is ready. `who`, its name in the history, and
    `port` are for one of several targets.
    """

    def __init__(
        self,
        profile: Profile,
        history: History,
        environment: Mapping[str, str] | None = None,
        words: Mapping[str, str] | None = None,
        comes_up: bool = True,
        who: str = "target",
        port: int | None = None,
    ) -> None:
        self.profile = profile
        self.history = history
        self.environment = dict(environment or {})
        self.who = who
        self.port = port or profile.port or free_port()
        self._words = dict(words or {})
        self._comes_up = comes_up
        self._lines = 0

    async def __aenter__(self) -> Self:
        """Start it and wait until it is ready. Raises TargetFailed, with nothing left running."""
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(TemporaryDirectory(prefix="ebb-folder-")))
            self._process = await self._find() if self.profile.url else self._start()
            self._folders = stack.pop_all()
        try:
            if self._comes_up:
                await self._until_ready()
        except BaseException as error:
            await self._process.close(keep_log=isinstance(error, TargetFailed))
            self._folders.close()
            raise
        self._process.descendants.look()
        return self

    async def __aexit__(self, _: object, error: BaseException | None, traceback: object) -> None:
        await self._process.close(keep_log=isinstance(error, TargetFailed))
        self._folders.close()

    @property
    def pid(self) -> int:
        """The process that the command became."""
        assert self._process.pid is not None, "only of a target that the harness did not start it may be unknown"
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status as waitpid reports it: -15 when SIGTERM ended it; None while it runs."""
        return self._process.status

    def nudge(self, which: signal.Signals, everyone: bool = False) -> None:
        """Send a signal other than a stop to it, or to `everyone` of its processes; the caller records it."""
        if everyone:
            self._process.descendants.send(which)
        else:
            self._process.signal(which)

    def signal(self, which: signal.Signals, to: To = "process") -> None:
        """Send a signal to its process or its process group. The first one is t0."""
        name = f"SIG{self.profile.signal}" if self.profile.url else which.name
        self.history.record(time.monotonic(), self.who, "signal", signal=name, to=to)
        self._process.signal(which, to)

    def rss_bytes(self) -> int:
        """The resident memory of its processes that were seen before and still run, in bytes."""
        return self._process.descendants.rss_bytes()

    def pids(self) -> list[int]:
        """The ids of its processes that were seen before, including those that have ended."""
        return self._process.descendants.pids()

    async def must_run(self, doing: str, within_s: float = 0.0) -> None:
        """Raises TargetFailed if it has exited, or exits `within_s`, though it was not told to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._process.exited.wait()
        if self._process.exited.is_set():
            last = [line for line in self._process.tail if line.strip()][-LAST_LINES:]
            what = "the target exited before it was told to stop"
            raise TargetFailed(doing, self.status, last, self._process.log, what)

    async def until_idle(self, within_s: float) -> bool:
        """Wait until it has used no processor time for 400 ms, which means that it waits for something. Else False.

        Raises TargetFailed when it exits instead.
        """
        used, since = -1.0, time.monotonic()
        patience_ends = since + within_s
        while time.monotonic() < min(patience_ends, since + IDLE_S):
            if self._process.exited.is_set():
                raise self._failure("it exited while it started")
            if (now_used := self._process.descendants.cpu_s()) != used:
                used, since = now_used, time.monotonic()
            await asyncio.sleep(READY_EVERY_S)
        return time.monotonic() >= since + IDLE_S

    def note_children(self) -> None:
        """Remember its children, in case one outlives it. Takes some milliseconds: do not call it near t0."""
        self._process.descendants.look()

    async def until_exit(self, within_s: float) -> bool:
        """Wait for its exit; False when it has not exited `within_s`."""
        try:
            async with asyncio.timeout(within_s):
                await self._process.exited.wait()
        except TimeoutError:
            return False
        exited_at, self._process.exited_at = self._process.exited_at, None
        if exited_at is not None:
            self.history.record(exited_at, self.who, "exited", status=self.status)
        return True

    async def kill(self) -> None:
        """End its process group at once, and record the exit. A target that the harness did not start is not ended."""
        if self.profile.url:
            return
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
        self.history.record(time.monotonic(), self.who, "left_behind", **left_behind, port_error=port_error)

    def _start(self) -> Process:
        words = {**self._words, "port": str(self.port), "python": sys.executable, "folder": str(self.folder)}
        command = [_filled(part, words) for part in self.profile.command]
        environment = {name: _filled(value, words) for name, value in self.profile.env.items()} | self.environment
        try:
            process = Process(command, environment, self._note_line, self.profile.cwd)
        except OSError as error:
            what = error.filename if error.filename == self.profile.cwd else command[0]
            raise TargetFailed(f"cannot run {what}: {error.strerror}", None, [], None) from error
        self.history.record(time.monotonic(), self.who, "started", pid=process.pid)
        return process

    async def _find(self) -> Attached:
        """The target that something else has started, once it accepts connections."""
        patience_ends = time.monotonic() + self.profile.startup_timeout_s
        while not (seen := await is_up(self.port, None))[0]:
            if time.monotonic() > patience_ends:
                waited = f"not there within {self.profile.startup_timeout_s:g} s: {seen[1]}"
                raise TargetFailed(f"it was {waited}; what the harness did not start it cannot start", None, [], None)
            await asyncio.sleep(READY_EVERY_S)
        profile = self.profile
        try:
            found = Attached(self.port, profile.pid, profile.stop, signal.Signals[f"SIG{profile.signal}"])
        except LookupError as error:
            raise TargetFailed(str(error), None, [], None) from None
        self.history.record(time.monotonic(), self.who, "started", pid=found.pid)
        return found

    def _note_line(self, t: float, text: str) -> None:
        self._lines += 1
        if self._lines <= RECORDED_LINES:
            self.history.record(t, self.who, "line", text=text)

    async def _until_ready(self) -> None:
        patience_ends = time.monotonic() + self.profile.startup_timeout_s
        seen = "no answer"
        # A target that the harness did not start was not surveyed either: it is ready when it accepts connections.
        ready = None if self.profile.url and "ready" not in self.profile.model_fields_set else self.profile.ready
        while time.monotonic() < patience_ends:
            if self._process.exited.is_set():
                raise self._failure("it exited before it was ready")
            up, seen = await is_up(self.port, ready)
            if up:
                self.history.record(time.monotonic(), self.who, "ready")
                return
            await asyncio.sleep(READY_EVERY_S)
        raise self._failure(f"it was not ready within {self.profile.startup_timeout_s:g} s: {seen}")

    def _failure(self, reason: str) -> TargetFailed:
        return TargetFailed(reason, self.status, list(self._process.tail), self._process.log)


def _filled(text: str, words: Mapping[str, str]) -> str:
    """A text with its placeholders filled in."""
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", value)
    return text
