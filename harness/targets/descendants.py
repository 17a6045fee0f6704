"""The processes of a target: its own, those of its session, and those of its children that were seen before.

Owns the reading of the process table, and of memory and processor time there. Refuses to know what signals mean.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil

YOUNG_S = 1.0
EXECS_WITHIN_S = 0.005


class Descendants:
    """Everything that a session leader has started, as far as can be known.

    A child that leaves the session is known if a `look` found it under its parent, or by its environment: `mark` is a
    variable, NAME=VALUE, that no other process has. Without a leader none is known.
    """

    def __init__(self, leader: int | None, mark: str | None = None) -> None:
        self.leader = leader
        self._mark = mark.encode() if mark else None
        self._seen: set[psutil.Process] = set()
        self.look()

    def look(self) -> None:
        """Remember the children that are there now. Reads the process table: some milliseconds."""
        if self.leader is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            leader = psutil.Process(self.leader)
            self._seen |= {leader, *leader.children(recursive=True)}

    def alive(self) -> list[psutil.Process]:
        """The processes that still run, including the leader; a zombie does not run."""
        found = {process for process in self._seen if process.is_running()}
        for pid in psutil.pids():
            with contextlib.suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
                if os.getsid(pid) == self.leader or self._is_marked(pid):
                    found.add(psutil.Process(pid))
        return sorted((process for process in found if runs(process)), key=lambda process: process.pid)

    def _is_marked(self, pid: int) -> bool:
        """Whether the environment with which a process began has the mark; False where the system does not say it."""
        if self._mark is None:
            return False
        try:
            environment = Path(f"/proc/{pid}/environ")
            if not (content := environment.read_bytes()) and time.time() - psutil.Process(pid).create_time() < YOUNG_S:
                time.sleep(EXECS_WITHIN_S)  # its parent goes on a moment before the kernel has put its program in place
                content = environment.read_bytes()
            return self._mark in content.split(b"\0")
        except OSError:
            return False

    def send(self, which: signal.Signals) -> None:
        """Send a signal to all processes that still run."""
        for process in self.alive():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(which)

    def pids(self) -> list[int]:
        """The ids of the processes that were seen."""
        return [process.pid for process in self._seen]

    def rss_bytes(self) -> int:
        """The resident memory of the processes that were seen, together, in bytes."""
        return sum(_rss_bytes(process) for process in self._seen)

    def cpu_s(self) -> float:
        """The processor time that the leader and its current children have used, in seconds."""
        self.look()
        return sum(_cpu_s(process) for process in self._seen)


def _rss_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def runs(process: psutil.Process) -> bool:
    """Whether a process runs, and is no zombie."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
