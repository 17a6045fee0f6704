"""How busy the machine is: a target's wait for a core is recorded, and what it took from itself is not."""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack

import pytest

from harness.history.record import History
from harness.probes import machine
from harness.probes.machine import Waits, share_of_others, watch_starvation, why_unreadable
from harness.report.timeline import starvation_of
from harness.targets.declaration import Profile
from harness.targets.target import Target
from tests.harness.servers import empty_history, until
from tests.scenarios.busy import busy_loops

COMPUTES = ("{python}", "-c", "{port}\nwhile True: pass")
readable = pytest.mark.skipif(why_unreadable() is not None, reason="the system does not say how long threads wait")


def waited_s(history: History) -> float:
    drain = [event for event in history.events if event.what == "starved"]
    return sum(max(event.detail["threads"].values(), default=0.0) for event in drain)


@pytest.mark.parametrize(
    ("others_s", "own_s", "share"),
    [(0.2, 0.0, 1.0), (0.0, 0.2, 0.0), (0.15, 0.05, 0.75), (0.0, 0.0, 1.0)],
)
def test_of_a_wait_others_have_the_part_that_they_had_of_the_cores(others_s: float, own_s: float, share: float) -> None:
    assert share_of_others(others_s, own_s) == pytest.approx(share)


@readable
async def test_a_target_that_others_keep_from_the_cores_is_starved() -> None:
    history = empty_history()
    profile = Profile(command=COMPUTES, ready=None)
    with busy_loops(2 * (os.cpu_count() or 1)):
        async with Target(profile, history, comes_up=False) as target:
            waits = Waits(target.pids)
            await until(lambda: waits.record(history) or waited_s(history) > 0.2, "its wait")
    sample = next(event for event in history.events if event.what == "starved")
    assert sample.detail["since"] < sample.t
    assert set(sample.detail["threads"]) == {str(target.pid)}


@readable
def test_threads_that_keep_each_other_from_the_cores_are_not_starved_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    history = empty_history()
    read = iter([{7: (0, 0), 8: (0, 0)}, {7: (50_000_000, 50_000_000), 8: (50_000_000, 50_000_000)}])
    now: dict[int, tuple[int, int]] = next(read)
    monkeypatch.setattr(Waits, "_look", lambda self: setattr(self, "_look_at", float("inf")))
    monkeypatch.setattr(machine, "_read_or_none", lambda thread: machine.Times(*now[thread[1]]))
    processor = iter([machine.Processor(0.0, (0.0,)), machine.Processor(0.1, (0.0,))])
    monkeypatch.setattr(machine, "_processor", lambda: next(processor))
    waits = Waits(list)
    waits._threads = {(7, 7): machine.Times(0, 0), (7, 8): machine.Times(0, 0)}
    now = next(read)
    waits._read_at = time.monotonic() - 0.1
    waits.record(history)
    assert waited_s(history) == 0.0


def test_a_thread_that_has_ended_waited_on_as_in_its_last_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    history = empty_history()
    read: list[machine.Times | None] = [machine.Times(0, 50_000_000), None, None]
    monkeypatch.setattr(Waits, "_look", lambda self: setattr(self, "_look_at", float("inf")))
    monkeypatch.setattr(machine, "_read_or_none", lambda thread: read.pop(0))
    busy_s = iter(range(9))
    monkeypatch.setattr(machine, "_processor", lambda: machine.Processor(float(next(busy_s)), (0.0,)))
    waits = Waits(list)
    waits._threads = {(7, 7): machine.Times(0, 0)}
    for _ in range(3):
        waits._read_at = time.monotonic() - 0.1
        waits.record(history)
    first, last = [event.detail["threads"]["7"] for event in history.events]
    assert (first, last) == (pytest.approx(0.05), pytest.approx(0.05, abs=0.01))


@readable
async def test_a_new_thread_and_a_new_process_are_found() -> None:
    stop = threading.Event()
    waits = Waits(lambda: [os.getpid()])
    with ExitStack() as stack:
        thread = threading.Thread(target=stop.wait)
        stack.callback(thread.join)
        stack.callback(stop.set)
        thread.start()
        stack.enter_context(busy_loops(1))
        known = set(waits._threads)
        waits._look()
        found = set(waits._threads) - known
    assert (os.getpid(), thread.native_id) in found
    assert {pid for pid, _ in found} - {os.getpid()}


async def test_where_the_wait_cannot_be_read_that_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    history = empty_history()
    monkeypatch.setattr(machine, "_bytes", lambda path: (_ for _ in ()).throw(FileNotFoundError(path)))
    await watch_starvation(history, list)
    (event,) = history.events
    assert (event.who, event.what) == ("harness", "blind")
    assert starvation_of(history) == event.detail["reason"]
    assert "does not say how long threads wait" in event.detail["reason"]


def test_a_system_that_counts_nothing_cannot_be_read_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_bytes", lambda path: b"cpu 0 0 0 0 0 0 0 0" if path == "/proc/stat" else b"0 0 0")
    assert why_unreadable() == "the system counts no time in /proc/PID/task/TID/schedstat"
