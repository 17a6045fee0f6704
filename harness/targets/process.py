"""One process in its own session: it is started, its output is read, it is sent signals, and its exit is timed.

Owns the process, its output, and the moment of its exit. Refuses to know what the process serves.

Rules. It leads its own session, so that a signal to the harness's terminal does not reach it. Signals go to the process
or its process group only. Reading its output never blocks the loop. A thread that does nothing else waits for its exit
and notes the time. Whatever happens, `close` ends everything that the process started, as far as the session, an
earlier look at its children, or the mark in their environment shows it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import psutil

from .descendants import Descendants

TAIL_LINES = 32
READ_BYTES = 65536
LONGEST_LINE = 65536
SURVIVORS_END_WITHIN_S = 2.0
MARK = "EBB_TARGET"  # the variable by which its processes are known, wherever they go

To = Literal["process", "group"]


class Process:
    """A command that runs from construction until `close`.

    `on_line(t, text)` gets each line of its output (stdout and stderr). It starts in the folder `cwd`, by default where
    the harness runs. Raises OSError when it cannot be run.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        on_line: Callable[[float, str], None],
        cwd: str | None = None,
    ) -> None:
        self._on_line = on_line
        self._loop = asyncio.get_running_loop()
        self._unfinished = b""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.status: int | None = None
        self.exited_at: float | None = None
        self.exited = asyncio.Event()
        mark = secrets.token_hex(8)
        self._popen = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )
        self.pid = self._popen.pid
        self.log = Path(tempfile.mkdtemp(prefix="ebb-target-")) / "target.log"
        self._log = self.log.open("wb")
        self.descendants = Descendants(self.pid, f"{MARK}={mark}")
        assert self._popen.stdout is not None, "stdout=PIPE gives one"
        self._output = self._popen.stdout
        os.set_blocking(self._output.fileno(), False)
        self._loop.add_reader(self._output.fileno(), self._read)
        threading.Thread(target=self._wait, daemon=True, name=f"exit of {self.pid}").start()

    def signal(self, which: signal.Signals, to: To = "process") -> None:
        """Send a signal to the process or its group; do nothing once it has exited."""
        # Only `_note_exit`, on this thread, reaps it: until then no other process can have its pid.
        if self._popen.returncode is None:
            (os.kill if to == "process" else os.killpg)(self.pid, which)

    async def close(self, keep_log: bool = False) -> None:
        """End everything that was started, and delete the log unless `keep_log`."""
        self.descendants.look()
        self.signal(signal.SIGKILL, "group")
        await self.exited.wait()
        await self._end_survivors()
        self._loop.remove_reader(self._output.fileno())
        self._output.close()
        self._log.close()
        if not keep_log:
            self.log.unlink()
            self.log.parent.rmdir()

    async def _end_survivors(self) -> None:
        patience_ends = time.monotonic() + SURVIVORS_END_WITHIN_S
        while (survivors := self.descendants.alive()) and time.monotonic() < patience_ends:
            for survivor in survivors:
                with contextlib.suppress(psutil.NoSuchProcess):
                    survivor.kill()
            await asyncio.sleep(0.005)

    def _wait(self) -> None:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        exited_at = time.monotonic()
        self._loop.call_soon_threadsafe(self._note_exit, exited_at)

    def _note_exit(self, exited_at: float) -> None:
        while self._read():
            pass
        self.status = self._popen.wait()
        self.exited_at = exited_at
        self.exited.set()

    def _read(self) -> bool:
        """Read one chunk of its output, if any. A line has the time at which its end arrives; a long line is cut."""
        chunk = self._take()
        now = time.monotonic()
        self._log.write(chunk)
        *lines, self._unfinished = (self._unfinished + chunk).split(b"\n")
        if len(self._unfinished) > LONGEST_LINE:
            lines.append(self._unfinished)
            self._unfinished = b""
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            self.tail.append(text)
            self._on_line(now, text)
        return bool(chunk)

    def _take(self) -> bytes:
        try:
            chunk = os.read(self._output.fileno(), READ_BYTES)
        except BlockingIOError:
            return b""
        if not chunk:
            self._loop.remove_reader(self._output.fileno())
        return chunk
