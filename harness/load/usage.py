"""What the processes of a server use: memory and CPU, from /proc.

Owns the reading of /proc. Refuses to know what the numbers are for.

PSS divides a shared page among its processes, so that the sum over several processes is what they use together.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """The usage of all processes of a server together: bytes, and seconds of CPU since each began."""

    pss_bytes: int
    rss_bytes: int
    cpu_s: float


def usage_of(leader: int) -> Usage:
    """What a process and all its children use now. Reads the process table: some milliseconds."""
    pids = [leader]
    with contextlib.suppress(psutil.NoSuchProcess):
        pids += [child.pid for child in psutil.Process(leader).children(recursive=True)]
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):  # it has just ended
            folder = Path("/proc") / str(pid)
            found.append(read((folder / "smaps_rollup").read_text(), (folder / "stat").read_text()))
    return Usage(*(sum(getattr(one, name) for one in found) for name in ("pss_bytes", "rss_bytes", "cpu_s")))


def read(smaps_rollup: str, stat: str) -> Usage:
    """Read one process's files."""
    sizes = dict(line.split(":", 1) for line in smaps_rollup.splitlines()[1:] if ":" in line)
    pss_bytes, rss_bytes = (int(sizes[name].split()[0]) * 1024 for name in ("Pss", "Rss"))
    after_name = stat.rpartition(")")[2].split()
    user, system = after_name[11:13]
    return Usage(pss_bytes, rss_bytes, (int(user) + int(system)) / TICKS_PER_S)
