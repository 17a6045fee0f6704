"""How busy the machine is: the lag of the harness's own loop, the target's memory, and its wait for a core.

Owns the samples and their records, and the rest of the garbage collector, which would be the worst of the lag. Refuses
to know which of it is too much; the clauses do (`harness.history.machine` reads it).

**Waiting for a core.** Linux counts for each thread how long it was ready to run and had no core: the second field of
`/proc/PID/task/TID/schedstat`, in ns, beside the time that it ran. Each of the target's threads is read every 100 ms,
and its children and new threads are looked for twice a second. A target that takes the cores itself is not starved:
of what a thread waited the part is recorded that others had of the processor time that it did not get itself. Others
are all that `/proc/stat` counts as busy and that was not the target's: the harness too. With six foreign busy loops
and one own beside a thread, six sevenths of its wait are theirs. Where nobody ran (a quota of its container) all is.

A thread that cannot be read any more has ended: until then it waited on as in its last sample. So an exit has a
sample. **Stolen** is what the hypervisor took from the worst core: the thread that serves may have been there.

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
    """No collection inside; what is there now is never looked at again until the end."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


async def watch_memory(target: Target) -> None:
    """Record the resident memory of all its processes together, for ever.

    The processes are those that were seen before: a look through the process table would cost the loop milliseconds.
    """
    while True:
        if rss_bytes := target.rss_bytes():
            target.history.record(time.monotonic(), "target", "memory", rss_bytes=rss_bytes)
        await asyncio.sleep(MEMORY_EVERY_S)


async def watch_starvation(history: History, targets: Callable[[], Sequence[Target]]) -> None:
    """Record for ever how long the threads of these targets wait for a core; and once why it cannot be read."""
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
    """Why nobody can say here how long a thread waits for a core; None where it can be said."""
    try:
        ran_ns, _ = _read((os.getpid(), os.getpid()))
        _processor()
    except (OSError, ValueError, IndexError):
        return "the system does not say how long threads wait for a core (no /proc/PID/task/TID/schedstat)"
    return None if ran_ns else "the system counts no time in /proc/PID/task/TID/schedstat"


class Times(NamedTuple):
    """What a thread has had so far: how long it ran, and how long it waited for a core, in ns."""

    ran_ns: int
    waited_ns: int


class Processor(NamedTuple):
    """What all cores together were busy, and what was stolen from each of them, in seconds so far."""

    busy_s: float
    stolen_s: tuple[float, ...]


class Waits:
    """The threads of a family of processes, as they were read last; `pids()` names those to begin with."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self._threads: dict[Thread, Times] = {}
        self._rates: dict[Thread, float] = {}  # of each, what others took in its last sample, a second
        self._look()
        self._threads = {thread: times for thread in self._threads if (times := _read_or_none(thread))}
        self._processor = _processor()
        self._read_at = time.monotonic()

    def record(self, history: History) -> None:
        """Take a sample; record it where somebody waited, or something was stolen."""
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
        """How long each thread waited for what others had."""
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
        """Find the threads of the family that are new; they have had nothing yet."""
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
    """Which part of the processor time that a thread did not have itself was others'; all of it where nobody ran."""
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
    """A file of the kernel's, without the buffers of `open`: these are read a hundred times a second."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 65536)
    finally:
        os.close(file)
