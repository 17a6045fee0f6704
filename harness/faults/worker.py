"""One of several workers is killed outright (SIGKILL), as in a crash, or by the kernel when memory runs out.

The workers, and the connections that each of them holds, can be seen from outside: workers are children of the target
that listen on its port, and the kernel says to which ports their connections lead. Looking that up takes long on a
machine with many connections, so it is done in a thread.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import psutil

from ..targets.target import Target, TargetFailed

LOOK_EVERY_S = 0.05


class Worker(NamedTuple):
    """A process that serves, and the ports of its clients."""

    process: psutil.Process
    ports: frozenset[int]


async def workers(target: Target) -> list[Worker]:
    """The worker processes that serve now, in order of their pids; none where the target itself serves, or is gone."""
    return await asyncio.to_thread(_look, target.pid, target.port)


async def kill_worker(target: Target, which: int = 0) -> None:
    """Kill one of the workers, by its index in `workers`. Raises TargetFailed where there are fewer than two.

    The event has the ports of its clients, as they were at `looked_at`, some milliseconds earlier.
    """
    looked_at = time.monotonic()
    serving = await workers(target)
    if len(serving) < 2:
        raise TargetFailed(f"{len(serving)} worker processes serve, and to kill one there must be 2", None, [], None)
    process, ports = serving[which % len(serving)]
    about = {"pid": process.pid, "ports": sorted(ports), "looked_at": looked_at}
    target.history.record(time.monotonic(), "target", "worker_killed", **about)
    process.kill()


async def until_serving(target: Target, count: int, within_s: float) -> bool:
    """Wait until `count` worker processes listen; False when there are fewer `within_s` later."""
    patience_ends = time.monotonic() + within_s
    while len(await workers(target)) < count:
        if time.monotonic() > patience_ends:
            return False
        await asyncio.sleep(LOOK_EVERY_S)
    return True


def _look(pid: int, port: int) -> list[Worker]:
    found = []
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    for child in children:
        try:
            connections = child.net_connections("tcp")
        except psutil.Error:
            continue
        if any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in connections):
            found.append(Worker(child, frozenset(each.raddr.port for each in connections if each.raddr)))
    return sorted(found, key=lambda worker: worker.process.pid)
