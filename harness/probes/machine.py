"""How busy the machine is: the lag of the harness's own loop, the target's memory, and its wait for a core.

Owns the samples and their records, and turns the garbage collector off, which would cause the worst lag. Refuses to
know how much is too much; the clauses know that (`harness.history.machine` reads the records).

**Waiting for a core.** Linux counts for each thread how long it was ready to run and had no core: the second field of
`/proc/PID/task/TID/schedstat`, in ns, next to the time that it ran. Each of the target's threads is read every 100 ms,
and its children and new threads are looked for twice a second. A target that uses the cores itself is not starved: of
the processor time that a thread did not get, a part went to other processes, and that part of its wait is recorded.
Other processes are all that `/proc/stat` counts as busy except the target, so they include the harness. With six
foreign busy loops and one of the target's own next to a thread, six sevenths of its wait are recorded. If no process
ran at all (a CPU quota of the container), the whole wait is recorded.

A thread that cannot be read any more has ended: until then it is taken to have waited as in its last sample, so that an
exit has a sample too. **Stolen** is the time that the hypervisor took from the worst core: the serving thread may have
been on it.

Source: Linux, Documentation/scheduler/sched-stats.rst and filesystems/proc.rst. Measured on two cores at 2.5 GHz: a
sample of 2 threads takes 0.08 ms, of 10 threads 0.15 ms; the look for children 0.04 and 0.09 ms.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from ..history.machine import SMALLEST_LAG_S
from ..history.record import History
from ..targets.target import Target

BEAT_S = 0.010
REPORT_EVERY_S = 0.100
WORTH_NAMING_S = 0.001  # of a single thread, in a sample that is recorded
MEMORY_EVERY_S = 0.250
WAITS_EVERY_S = 0.100
LOOK_EVERY_S = 0.500
BUSY_COLUMNS = (0, 1, 2, 5, 6)  # user, nice, system, irq, softirq
STEAL_COLUMN = 7

Thread = tuple[int, int]  # the ids of its process and of itself


async def watch_lag(history: History) -> None:
    """Beat every 10 ms for ever; every 100 ms record the worst delay since the last record, if above 5 ms."""
    worst_s = 0.0
    reported_at = began = time.monotonic()
    while True:
        await asyncio.sleep(BEAT_S)
        now = time.monotonic()
        worst_s = max(worst_s, now - began - BEAT_S)
        began = now
        if now - reported_at >= REPORT_EVERY_S:
            if worst_s > SMALLEST_LAG_S:
                history.record(now, "harness", "lag", seconds=worst_s)
            worst_s, reported_at = 0.0, now


@contextmanager
def resting_garbage_collector() -> Iterator[None]:
    """Inside there is no garbage collection; objects that exist now are not examined until the end."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


async def watch_memory(target: Target) -> None:
    """Record the resident memory of all processes of the target together, for ever.

    The processes are those seen before, because reading the process table would block the event loop for milliseconds.
    """
    while True:
        if rss_bytes := target.rss_bytes():
            target.history.record(time.monotonic(), "target", "memory", rss_bytes=rss_bytes)
        await asyncio.sleep(MEMORY_EVERY_S)


async def watch_starvation(history: History, targets: Callable[[], Sequence[Target]]) -> None:
    """Record for ever how long the threads of these targets wait for a core, or once why it cannot be read."""
    if reason := why_unreadable():
        history.record(time.monotonic(), "harness", "blind", reason=reason)
        return
    history.record(time.monotonic(), "harness", "watches starvation")
    waits = Waits(lambda: [pid for target in targets() for pid in target.pids()])
    try:
        while True:
            await asyncio.sleep(WAITS_EVERY_S)
            waits.record(history)
    finally:
        waits.record(history)


def why_unreadable() -> str | None:
    """Why the wait for a core cannot be read on this system; None if it can."""
    try:
        ran_ns, _ = _read((os.getpid(), os.getpid()))
        _processor()
    except (OSError, ValueError, IndexError):
        return "the system does not say how long threads wait for a core (no /proc/PID/task/TID/schedstat)"
    return None if ran_ns else "the system counts no time in /proc/PID/task/TID/schedstat"


class Times(NamedTuple):
    """How long a thread has run so far, and how long it has waited for a core, in ns."""

    ran_ns: int
    waited_ns: int


class Processor(NamedTuple):
    """How long all cores together were busy so far, and how much was stolen from each of them, in seconds."""

    busy_s: float
    stolen_s: tuple[float, ...]


class Waits:
    """The threads of some processes and their children, as they were last read; `pids()` gives the first processes."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self._threads: dict[Thread, Times] = {}
        self._rates: dict[Thread, float] = {}  # of each, the time that others took per second in its last sample
        self._look()
        self._threads = {thread: times for thread in self._threads if (times := _read_or_none(thread))}
        self._processor = _processor()
        self._read_at = time.monotonic()

    def record(self, history: History) -> None:
        """Take a sample; record it if a thread waited, or time was stolen."""
        since, processor = self._read_at, self._processor
        if (now := time.monotonic()) >= self._look_at:
            self._look()
        self._read_at, self._processor = now, _processor()
        stolen_s = max(b - a for a, b in zip(processor.stolen_s, self._processor.stolen_s, strict=True))
        threads = self._sample(now - since, self._processor.busy_s - processor.busy_s)
        if max(threads.values(), default=0.0) + stolen_s >= SMALLEST_LAG_S:
            named = {str(tid): seconds for (_, tid), seconds in threads.items() if seconds >= WORTH_NAMING_S}
            history.record(now, "target", "starved", since=since, threads=named, stolen=min(stolen_s, now - since))

    def _sample(self, took_s: float, busy_s: float) -> dict[Thread, float]:
        """How long each thread waited for cores that others used."""
        steps: dict[Thread, Times] = {}
        found: dict[Thread, float] = {}
        for thread, before in list(self._threads.items()):
            if (after := _read_or_none(thread)) is None:
                del self._threads[thread]
                found[thread] = self._rates.pop(thread, 0.0) * took_s
                continue
            self._threads[thread] = after
            steps[thread] = Times(after.ran_ns - before.ran_ns, after.waited_ns - before.waited_ns)
        own_s = sum(step.ran_ns for step in steps.values()) / 1e9
        for thread, step in steps.items():
            part = share_of_others(max(0.0, busy_s - own_s), own_s - step.ran_ns / 1e9)
            found[thread] = part * min(step.waited_ns / 1e9, took_s)
            self._rates[thread] = found[thread] / took_s
        return found

    def _look(self) -> None:
        """Find new threads of these processes; nothing is counted for them yet."""
        self._look_at = time.monotonic() + LOOK_EVERY_S
        waiting, seen = [*self._pids()], set[int]()
        while waiting:
            if (pid := waiting.pop()) in seen:
                continue
            seen.add(pid)
            try:
                for tid in map(int, os.listdir(f"/proc/{pid}/task")):
                    self._threads.setdefault((pid, tid), Times(0, 0))
                    waiting += map(int, _bytes(f"/proc/{pid}/task/{tid}/children").split())
            except OSError:
                continue


def share_of_others(others_s: float, own_s: float) -> float:
    """The share of others in the processor time that a thread did not get; 1 if nothing else ran."""
    return others_s / (others_s + own_s) if others_s + own_s > 0 else 1.0


def _read(thread: Thread) -> Times:
    ran_ns, waited_ns, _ = _bytes(f"/proc/{thread[0]}/task/{thread[1]}/schedstat").split()
    return Times(int(ran_ns), int(waited_ns))


def _read_or_none(thread: Thread) -> Times | None:
    try:
        return _read(thread)
    except (OSError, ValueError):
        return None


def _processor() -> Processor:
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    whole, *cores = [line.split()[1:] for line in _bytes("/proc/stat").splitlines() if line.startswith(b"cpu")]
    busy = sum(int(whole[column]) for column in BUSY_COLUMNS)
    return Processor(busy / ticks_per_s, tuple(int(core[STEAL_COLUMN]) / ticks_per_s for core in cores))


def _bytes(path: str) -> bytes:
    """Read a file of /proc without the buffers of `open`: this happens a hundred times a second."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 65536)
    finally:
        os.close(file)
