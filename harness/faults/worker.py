"""One of several workers that is killed outright (SIGKILL): a crash, or the kernel's own killer when memory runs out.

Which processes those are, and whose connections each of them holds, can be seen from outside: they are children of the
target that listen on its port, and the kernel says to which ports their connections lead. To look takes a while where a
machine has many connections, so that it is done beside the event loop.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import psutil

from ..targets.target import Target, TargetFailed


class Worker(NamedTuple):
    """A process that serves, and the ports of the clients that it holds."""

    process: psutil.Process
    ports: frozenset[int]


async def workers(target: Target) -> list[Worker]:
    """The processes that serve at this moment, by pid: none where the target serves by itself."""
    return await asyncio.to_thread(_look, target.pid, target.port)


async def kill_worker(target: Target, which: int = 0) -> None:
    """Kill one of them, by its place in the list. Raises TargetFailed where there are fewer than two.

    Recorded with the ports of its clients, as they were at the moment `looked_at`, some milliseconds before.
    """
    looked_at = time.monotonic()
    serving = await workers(target)
    if len(serving) < 2:
        raise TargetFailed(f"{len(serving)} worker processes serve, and to kill one there must be 2", None, [], None)
    process, ports = serving[which % len(serving)]
    about = {"pid": process.pid, "ports": sorted(ports), "looked_at": looked_at}
    target.history.record(time.monotonic(), "target", "worker_killed", **about)
    process.kill()


def _look(pid: int, port: int) -> list[Worker]:
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        try:
            connections = child.net_connections("tcp")
        except psutil.Error:
            continue
        if any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in connections):
            found.append(Worker(child, frozenset(each.raddr.port for each in connections if each.raddr)))
    return sorted(found, key=lambda worker: worker.process.pid)
