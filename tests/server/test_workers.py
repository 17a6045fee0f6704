"""What the parent of several workers decides, the broker that it holds for them, and the lines that they write."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from server.brokers.embedded import EmbeddedFailed, EmbeddedValkey
from server.certificate import check_certificate
from server.logs import REPORT, OfWorker
from server.workers.orders import Backoff, FirstStart, Order, Orders

# ---- When one that ended comes back ----


def test_each_end_keeps_its_place_empty_twice_as_long_up_to_five_seconds():
    backoff = Backoff()

    assert [backoff.ended(None, now) for now in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_one_that_was_ready_for_ten_seconds_has_proved_itself():
    backoff = Backoff()
    for _ in range(3):
        backoff.ended(None, 0)

    assert backoff.ended(ready_at=100, now=109.9) == 0.8
    assert backoff.ended(ready_at=200, now=210) == 0.1
    assert backoff == Backoff(delay_s=0.2)


# ---- What a signal means ----


def test_the_first_stop_drains_and_a_hundred_more_say_nothing_new():
    orders = Orders()

    assert orders.terminate(10) is Order.DRAIN
    assert [orders.terminate(10 + n) for n in range(100)] == [None] * 100
    assert orders == Orders(stopping_since=10)


def test_ctrl_c_and_a_supervisor_within_a_second_are_one():
    orders = Orders()

    assert orders.interrupt(10) is Order.DRAIN
    assert orders.terminate(10.1) is None
    assert orders.interrupt(11) is None
    assert not orders.forced


@pytest.mark.parametrize("first", [Orders.terminate, Orders.interrupt])
def test_an_operator_who_insists_after_a_second_forces_once(first: Callable[[Orders, float], Order | None]):
    orders = Orders()
    first(orders, 10)

    assert orders.interrupt(11.1) is Order.FORCE
    assert orders.interrupt(20) is None
    assert orders == Orders(stopping_since=10, forced=True)


def test_nobody_is_replaced_who_is_to_go_anyway():
    orders = Orders()

    assert orders.hang_up() is Order.ROLL
    orders.terminate(10)
    assert orders.hang_up() is None


# ---- When to give up ----


def test_it_gives_up_once_each_worker_has_failed_and_none_was_ever_ready():
    start = FirstStart(2)

    assert start.ended(1, 3) is None
    assert start.ended(1, 3) is None
    assert start.ended(2, 3) == 3


@pytest.mark.parametrize(("status", "ours"), [(1, 1), (3, 3), (0, 3), (-9, 3)])
def test_what_it_gives_up_with_says_that_it_could_not_start(status: int, ours: int):
    assert FirstStart(1).ended(1, status) == ours


def test_it_never_gives_up_on_workers_that_have_served():
    start = FirstStart(1)
    start.ready()

    assert start.ended(1, 3) is None


# ---- The broker that they share ----


class Valkey(EmbeddedValkey):
    """Answers a second after each launch, but for those that are to fail."""

    def __init__(self, fails: Sequence[int] = ()) -> None:
        super().__init__()
        self.launched_at: list[float] = []
        self._alive = False
        self._fails = fails

    def launch(self) -> None:
        self._alive = True
        self.launched_at.append(asyncio.get_running_loop().time())

    def ready(self) -> bool:
        if len(self.launched_at) in self._fails:
            self._alive = False
            raise EmbeddedFailed("no room")
        return asyncio.get_running_loop().time() >= self.launched_at[-1] + 1

    def stop(self) -> None:
        self._alive = False

    @property
    def alive(self) -> bool:
        return self._alive

    @property
    def pid(self) -> int:
        return 7


@pytest.mark.looptime
async def test_the_broker_is_there_before_anyone_and_comes_back_after_it_died():
    valkey = Valkey(fails=[3])
    clock = asyncio.get_running_loop().time

    async with valkey.kept() as url:
        assert url == valkey.url
        assert clock() == pytest.approx(1, abs=0.02)
        await asyncio.sleep(11 - clock())
        valkey.stop()  # after ten good seconds: back in 0.1 s
        await asyncio.sleep(12.5 - clock())
        valkey.stop()  # at once again: in 0.2 s, which fails, and 0.4 s later
        await asyncio.sleep(20 - clock())
        assert valkey.alive

    assert not valkey.alive
    assert valkey.launched_at == pytest.approx([0, 11.1, 12.7, 13.2], abs=0.3)
    assert len(valkey.launched_at) == 4


@pytest.mark.looptime
async def test_who_is_told_to_stop_does_not_wait_for_the_broker():
    valkey = Valkey()

    async with valkey.kept(lambda: True):
        assert asyncio.get_running_loop().time() == 0
    assert not valkey.alive


@pytest.mark.looptime
async def test_a_broker_that_cannot_start_says_so_and_is_not_tried_again():
    valkey = Valkey(fails=[1])

    with pytest.raises(EmbeddedFailed, match="no room"):
        async with valkey.kept():
            pass
    assert len(valkey.launched_at) == 1


# ---- The line of a worker ----


def record(name: str, message: str, *args: Any, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, "", 0, message, args, None)
    made.__dict__.update(extra)
    OfWorker(2, "text").filter(made)
    return made


def test_a_worker_says_which_one_it_is():
    assert record("ebb", "draining: %d left", 3).getMessage() == "worker 2: draining: 3 left"
    assert record("uvicorn.error", "a", color_message="b").__dict__["color_message"] == "worker 2: b"
    assert record("uvicorn.access", "%s %s", "127.0.0.1:5", "GET").getMessage() == "worker 2: 127.0.0.1:5 GET"


def test_its_report_stays_json():
    assert record("ebb", "%s", REPORT + '"drain.report"}').getMessage() == REPORT + '"drain.report"}'


def test_in_json_its_number_is_a_field():
    made = logging.LogRecord("ebb", logging.INFO, "", 0, "draining", (), None)
    OfWorker(2, "json").filter(made)

    assert (made.getMessage(), made.__dict__["worker"]) == ("draining", 2)


# ---- The command line ----


def test_a_certificate_that_is_not_there_is_one_line(tmp_path: Path):
    check_certificate(None, None)
    with pytest.raises(SystemExit, match=r"--ssl-certfile nowhere.pem --ssl-keyfile None: .*No such file"):
        check_certificate("nowhere.pem", None)
    with pytest.raises(SystemExit, match="--ssl-certfile is missing"):
        check_certificate(None, "key.pem")
