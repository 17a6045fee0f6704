"""A server that something else has started: a container, a unit of systemd, a child of a supervisor.

Owns how it is found and told to stop, and how its end is noticed. Refuses to know what it serves. Nothing here ends a
process in any other way than by telling it to stop. This module is for such a server what `harness.targets.process` is
for a target that the harness starts.

Rules. Its process is the declared one, else the one that listens on the port. It has ended when that process has ended;
if its process cannot be known (another user's, another namespace), when the command that stops it has ended and the
port accepts no connections. Its exit status and its output belong to its parent. Weakness: if its process is not known
and it closes its port long before it exits, it counts as gone when the command has ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import psutil

from ..probes.network import HOST
from .descendants import Descendants, runs
from .process import To

LOOK_EVERY_S = 0.010
ASK_EVERY_S = 0.050  # whether a port accepts: each check opens a connection


class Attached:
    """A running server on a port of this machine. Raises LookupError where it cannot be told to stop."""

    status: int | None = None
    log = None

    def __init__(self, port: int, pid: int | None, stop: Sequence[str] | None, told: signal.Signals) -> None:
        self.pid = pid or listener(port)
        if pid and not psutil.pid_exists(pid):
            raise LookupError(f"no process {pid} runs")
        if self.pid is None and stop is None:
            raise LookupError(f"whose process listens on port {port} cannot be seen: --pid PID, or --stop COMMAND")
        self.tail: deque[str] = deque()
        self.exited_at: float | None = None
        self.exited = asyncio.Event()
        self.descendants = Descendants(self.pid)
        self._port, self._stop, self._told = port, stop, told
        self._stopping: subprocess.Popen[bytes] | None = None
        self._watching = asyncio.ensure_future(self._watch())

    def signal(self, which: signal.Signals, _: To = "process") -> None:
        """Tell it to stop in the declared way, on SIGTERM; no other signal is sent to a process that is not ours."""
        if which is not signal.SIGTERM or self.exited.is_set():
            return
        if self._stop is None:
            assert self.pid is not None, "what has no process is stopped by a command"
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, self._told)
        elif self._stopping is None:
            self._stopping = subprocess.Popen(
                self._stop, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
            )

    async def close(self, **_: object) -> None:
        """Stop watching, and end the command that stops it; the server itself stays as it is."""
        self._watching.cancel()
        await asyncio.wait([self._watching])
        if self._stopping is not None and self._stopping.poll() is None:
            self._stopping.kill()
            self._stopping.wait()

    async def _watch(self) -> None:
        if self.pid is not None:
            process = psutil.Process(self.pid)
            while runs(process):
                await asyncio.sleep(LOOK_EVERY_S)
        else:
            while self._stopping is None or self._stopping.poll() is None or await _accepts(self._port):
                await asyncio.sleep(ASK_EVERY_S)
        self.exited_at = time.monotonic()
        self.exited.set()


def listener(port: int) -> int | None:
    """The process that listens on a port of this machine, the parent if several do; None if none can be seen."""
    with contextlib.suppress(psutil.Error):
        found = next((each.pid for each in psutil.net_connections("tcp") if each.pid and _is_at(port, each)), None)
        if found is None:
            return None
        process = psutil.Process(found)
        while (parent := process.parent()) and any(_is_at(port, each) for each in parent.net_connections("tcp")):
            process = parent
        return process.pid
    return None


def _is_at(port: int, connection: Any) -> bool:
    return bool(connection.status == psutil.CONN_LISTEN and connection.laddr.port == port)


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
