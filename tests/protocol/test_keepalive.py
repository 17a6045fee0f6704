"""One timer for all: each connection has its turn, and others have the event loop in between."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any

import pytest

from server.protocol.keepalive import AT_ONCE, Sweep
from server.protocol.ticker import Ticker


class Client:
    """A connection that answers its pings, or does not."""

    def __init__(self, answers: bool = True) -> None:
        self.answers = answers
        self.moment = 0
        self.pinged_at: list[float] = []
        self.open_ping: bytes | None = None
        self.missed_at: list[float] = []

    def ping(self, payload: bytes, frame: bytes) -> None:
        assert frame == b"\x89\x04" + payload
        if self.open_ping is None:
            self.pinged_at.append(asyncio.get_running_loop().time())
            self.open_ping = None if self.answers else payload

    def missed_pong(self, payload: bytes) -> None:
        if self.open_ping is payload:
            self.missed_at.append(asyncio.get_running_loop().time())


def sweep_of(interval_s: float | None = 2.0, timeout_s: float | None = 1.0) -> Sweep:
    return Sweep(asyncio.get_running_loop(), interval_s, timeout_s)


@pytest.mark.looptime
async def test_each_is_pinged_once_an_interval_and_no_two_of_a_few_at_once():
    sweep, clients = sweep_of(), [Client() for _ in range(10)]
    for each in clients:
        sweep.enter(each)
    await asyncio.sleep(0.95)
    assert not any(each.pinged_at for each in clients)
    await asyncio.sleep(3.1)

    assert {len(each.pinged_at) for each in clients} == {2}
    assert all(each.pinged_at[1] - each.pinged_at[0] == pytest.approx(2.0) for each in clients)
    assert len({round(each.pinged_at[0], 2) for each in clients}) == 10
    for each in clients:
        sweep.leave(each)


@pytest.mark.looptime
@pytest.mark.parametrize("timeout_s", [0.5, 1.0, 5.0])
async def test_a_pong_is_missed_when_its_time_is_over(timeout_s: float):
    sweep, silent, other = sweep_of(timeout_s=timeout_s), Client(answers=False), Client()
    sweep.enter(silent)
    sweep.enter(other)
    await asyncio.sleep(8)

    assert silent.missed_at == [pytest.approx(silent.pinged_at[0] + timeout_s)]
    assert other.missed_at == []
    sweep.leave(silent)
    sweep.leave(other)


@pytest.mark.looptime
@pytest.mark.parametrize(("interval_s", "timeout_s", "pings"), [(None, 1.0, 0), (1.0, None, 1)])
async def test_without_an_interval_there_are_no_pings_and_without_a_timeout_no_pong_is_missed(
    interval_s: float | None, timeout_s: float | None, pings: int
):
    sweep, silent = sweep_of(interval_s, timeout_s), Client(answers=False)
    sweep.enter(silent)
    await asyncio.sleep(5)
    sweep.leave(silent)

    assert (len(silent.pinged_at), silent.missed_at) == (pings, [])


@pytest.mark.looptime
async def test_the_ticks_keep_their_pace_though_each_takes_its_time():
    loop, client = asyncio.get_running_loop(), Client()
    sweep = Sweep(loop, 1.0, None)
    client.ping = lambda *_: client.pinged_at.append(loop.time())  # type: ignore[method-assign]
    sweep.enter(client)
    late = loop.call_at

    def call_at(when: float, *rest: Any, **more: Any) -> asyncio.TimerHandle:
        return late(when + 0.001, *rest, **more)  # as coarse as libuv's clock is

    loop.call_at = call_at  # type: ignore[method-assign]
    await asyncio.sleep(100.5)
    loop.call_at = late  # type: ignore[method-assign]
    sweep.leave(client)

    assert len(client.pinged_at) == 100


@pytest.mark.looptime
async def test_with_nobody_there_no_timer_runs():
    sweep, client = sweep_of(), Client(answers=False)
    sweep.enter(client)
    await asyncio.sleep(2.5)
    sweep.leave(client)
    sweep.leave(client)
    await asyncio.sleep(1)
    loop = asyncio.get_running_loop()

    assert not sweep._ticker.runs
    assert (len(client.pinged_at), loop.time()) == (1, pytest.approx(3.5))


@pytest.mark.looptime
async def test_between_a_few_pings_and_the_next_few_others_have_the_event_loop():
    sweep, clients, turns = sweep_of(), [Client() for _ in range(20 * 2 * AT_ONCE + 20)], []
    for each in clients:
        sweep.enter(each)
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0.05)

    def look() -> None:
        turns.append(sum(len(each.pinged_at) for each in clients))
        loop.call_soon(look) if turns[-1] < 2 * AT_ONCE + 1 else None

    loop.call_at(sweep._ticker._at, look)
    await asyncio.sleep(0.1)
    assert sorted(set(turns) - {0}) == [AT_ONCE, 2 * AT_ONCE, 2 * AT_ONCE + 1]
    for each in clients:
        sweep.leave(each)


@pytest.mark.looptime
async def test_who_leaves_before_its_few_are_pinged_is_pinged_no_more():
    sweep, pinged = sweep_of(), []

    class Leaver(Client):
        def ping(self, payload: bytes, frame: bytes) -> None:
            pinged.append(self)
            for each in clients:
                sweep.leave(each)

    clients = [Leaver() for _ in range(20 * 2 * AT_ONCE)]
    for each in clients:
        sweep.enter(each)
    await asyncio.sleep(2.5)

    assert len(pinged) == 1


@pytest.mark.looptime
async def test_the_pongs_of_those_who_are_pinged_late_are_missed_as_well():
    sweep, clients = sweep_of(timeout_s=0.5), [Client(answers=False) for _ in range(20 * 2 * AT_ONCE)]
    for each in clients:
        sweep.enter(each)
    loop = asyncio.get_running_loop()
    soon = loop.call_soon
    loop.call_soon = lambda call, *rest, **more: (  # type: ignore[assignment, method-assign, misc]
        loop.call_later(0.7, call, *rest) if call == sweep._ping else soon(call, *rest, **more)
    )
    await asyncio.sleep(5)
    loop.call_soon = soon  # type: ignore[method-assign]
    for each in clients:
        sweep.leave(each)

    assert sum(not each.missed_at for each in clients) == 0
    assert all(each.missed_at[0] >= each.pinged_at[0] + 0.5 for each in clients)


@pytest.mark.looptime
async def test_who_is_pinged_late_has_all_of_its_time_for_the_pong():
    sweep, silent = sweep_of(20.0, 0.5), Client(answers=False)
    sweep.enter(silent)
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0.1)
    on_time = loop.call_at
    late = {19.5: 0.4}
    loop.call_at = lambda at, *rest, **more: on_time(at + late.get(round(at, 1), 0), *rest, **more)  # type: ignore[method-assign]
    await asyncio.sleep(25)
    loop.call_at = on_time  # type: ignore[method-assign]
    sweep.leave(silent)

    assert silent.missed_at == [pytest.approx(silent.pinged_at[0] + 0.6)]


@pytest.mark.parametrize(("interval_s", "every_s"), [(1.0, 0.1), (4.0, 0.1), (10.0, 0.25), (20.0, 0.5), (60.0, 0.5)])
@pytest.mark.looptime
async def test_the_longer_the_interval_the_fewer_wakes(interval_s: float, every_s: float):
    assert sweep_of(interval_s)._ticker.every_s == every_s


@pytest.mark.looptime
async def test_a_long_interval_takes_no_memory_for_moments_at_which_nobody_is_pinged():
    tracemalloc.start()
    sweep, clients = sweep_of(100_000.0), [Client() for _ in range(10)]
    for each in clients:
        sweep.enter(each)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for each in clients:
        sweep.leave(each)

    assert taken < 100_000


def test_a_tick_is_the_least():
    ticker = Ticker(None, 0.1, lambda: False)  # type: ignore[arg-type]
    assert [ticker.ticks(seconds) for seconds in (-1, 0, 0.1, 0.11, 20)] == [1, 1, 1, 2, 200]
