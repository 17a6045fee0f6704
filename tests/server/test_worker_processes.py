"""The worker processes of a host, told together; with processes that are made up, on a virtual clock."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from server.workers import processes as module
from server.workers.processes import WorkerProcesses

pytestmark = pytest.mark.looptime


class Made:
    """A worker that starts, serves and ends when the test says so."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ready_at: float | None = None
        self.retired = False
        self.signals: list[signal.Signals] = []
        self.listens_since: float | None = None
        self.started: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.left = asyncio.Event()
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def __str__(self) -> str:
        return f"worker {self.number}"

    def signal(self, which: signal.Signals) -> None:
        self.signals.append(which)

    def listen(self) -> None:
        self.listens_since = asyncio.get_running_loop().time()

    def end(self, status: int = 0) -> None:
        if not self.started.done():
            self.started.set_result(False)
        self.left.set()
        self.ended.set_result(status)

    async def tells_started(self) -> bool:
        return await self.started

    async def tells_ready(self) -> bool:
        if self.started.result():
            self.ready_at = asyncio.get_running_loop().time()
        return self.started.result()

    async def tells_tired(self) -> bool:
        await self.left.wait()
        return False

    async def leaves(self) -> None:
        await self.left.wait()

    async def exits(self) -> int:
        return await self.ended


class FakeWorkers:
    """Worker processes that are fakes, and what was reported about them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, first: int) -> None:
        self.said: list[Any] = []
        self.starts_in_s = 0.0
        self.environments: list[Mapping[str, str]] = []
        monkeypatch.setattr(module.Worker, "start", self._start)
        self.crew = WorkerProcesses(
            first, ["command"], {"A": "1"}, lambda: self.said.append("ready"), self._tired, self._left
        )

    async def _start(self, number: int, command: Sequence[str], environment: Mapping[str, str]) -> Made:
        await asyncio.sleep(self.starts_in_s)
        self.environments.append(environment)
        return Made(number)

    async def _tired(self, worker: Any) -> None:
        self.said.append(("tired", worker.number))

    async def _left(self, worker: Any, status: int | None) -> None:
        self.said.append((worker.number, status))

    async def start(self, number: int) -> Any:
        """A worker that was made up."""
        return await self.crew.start(number)


async def test_each_is_told_its_number(monkeypatch: pytest.MonkeyPatch):
    fakes = FakeWorkers(monkeypatch, 2)
    await fakes.start(1)
    await fakes.start(2)

    assert fakes.environments == [{"A": "1", "SERVER_WORKER": "1"}, {"A": "1", "SERVER_WORKER": "2"}]


async def test_the_first_ones_begin_to_listen_together_and_later_ones_at_once(monkeypatch: pytest.MonkeyPatch):
    fakes = FakeWorkers(monkeypatch, 2)
    one, two = await fakes.start(1), await fakes.start(2)
    one.started.set_result(True)
    await asyncio.sleep(3)
    assert one.listens_since is None
    two.started.set_result(True)
    await asyncio.sleep(1)
    third = await fakes.start(1)

    assert (one.listens_since, two.listens_since, third.listens_since) == (3, 3, 4)


async def test_a_straggler_is_waited_for_five_seconds(monkeypatch: pytest.MonkeyPatch):
    fakes = FakeWorkers(monkeypatch, 2)
    quick, straggler = await fakes.start(1), await fakes.start(2)
    quick.started.set_result(True)
    await asyncio.sleep(60)

    assert (quick.listens_since, straggler.listens_since) == (5, 5)


async def test_nobody_waits_for_one_that_has_ended(monkeypatch: pytest.MonkeyPatch):
    fakes = FakeWorkers(monkeypatch, 2)
    one, two = await fakes.start(1), await fakes.start(2)
    two.end(3)
    one.started.set_result(True)
    await asyncio.sleep(1)

    assert one.listens_since == 0
    assert fakes.said == ["ready", (2, 3)]


async def test_one_that_leaves_is_told_of_when_it_is_there_yet_after_a_second(monkeypatch: pytest.MonkeyPatch):
    fakes = FakeWorkers(monkeypatch, 1)
    worker = await fakes.start(1)
    worker.started.set_result(True)
    worker.left.set()
    await asyncio.sleep(0.9)
    assert fakes.said == ["ready"]
    await asyncio.sleep(0.2)

    assert fakes.said == ["ready", (1, None)]
    assert len(fakes.crew) == 1


async def test_a_drain_is_over_when_the_last_one_has_ended_also_of_those_that_were_being_started(
    monkeypatch: pytest.MonkeyPatch,
):
    fakes = FakeWorkers(monkeypatch, 2)
    one = await fakes.start(1)
    fakes.starts_in_s = 1
    starting = asyncio.create_task(fakes.start(2))
    await asyncio.sleep(0.5)
    fakes.crew.drain()
    one.end()
    await asyncio.sleep(0.1)
    assert not fakes.crew.gone.is_set()
    two = await starting
    assert two.signals == [signal.SIGTERM]
    fakes.crew.force()
    two.end(-15)
    await asyncio.sleep(0)
    await fakes.crew.gone.wait()

    assert one.signals == [signal.SIGTERM]
    assert two.signals == [signal.SIGTERM, signal.SIGINT]


async def test_with_nobody_there_a_drain_is_over_at_once(monkeypatch: pytest.MonkeyPatch):
    fakes = FakeWorkers(monkeypatch, 2)
    fakes.crew.drain()

    assert fakes.crew.gone.is_set()


async def test_one_that_breaks_in_its_drain_is_worth_a_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(module.logger, "propagate", True)
    fakes = FakeWorkers(monkeypatch, 1)
    worker = await fakes.start(1)
    worker.started.set_result(True)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    fakes.crew.drain()
    worker.end(-9)
    await fakes.crew.gone.wait()

    assert caplog.messages == ["worker 1 ended with status -9 in its drain"]
