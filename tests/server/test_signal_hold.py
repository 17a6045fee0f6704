"""A server hears of its signal when the drain is over: with real signals, on both event loops."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
import uvloop

from server.drain.signals import HELD, SignalHold, stops_by_signal

Told = list[str]


def on_the_loop(loop: asyncio.AbstractEventLoop, told: Told) -> None:
    """As hypercorn, granian and gunicorn do."""
    for number in HELD:
        loop.add_signal_handler(number, told.append, f"the server: {number.name}")


def on_the_process(loop: asyncio.AbstractEventLoop, told: Told) -> None:
    """As daphne does."""
    for number in HELD:
        signal.signal(number, lambda number, frame: told.append(f"the server: {signal.Signals(number).name}"))


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    before = {number: signal.getsignal(number) for number in HELD}
    loop = request.param()
    try:
        yield loop
    finally:
        loop.close()
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.fixture(params=[on_the_loop, on_the_process])
def told(request: pytest.FixtureRequest, loop: asyncio.AbstractEventLoop) -> Told:
    told: Told = []
    request.param(loop, told)
    return told


class Drain:
    """A drain that lasts until it is ended."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.began, self.ended = asyncio.Event(), asyncio.Event()

    def hold(self) -> SignalHold:
        return SignalHold(self.run, lambda: self.told.append("report"))

    async def run(self) -> None:
        self.told.append("the drain")
        self.began.set()
        await self.ended.wait()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def test_the_server_hears_of_the_signal_when_the_drain_is_over(loop, told):
    async def stop() -> None:
        drain = Drain(told)
        hold = drain.hold()
        assert not hold.told_to_stop()
        signal.raise_signal(signal.SIGTERM)
        assert hold.told_to_stop()
        await until(drain.began.is_set)
        await several_turns()
        assert told == ["the drain"]
        drain.ended.set()
        await until(lambda: len(told) == 3)
        assert hold.told_to_stop()

    loop.run_until_complete(stop())
    assert told == ["the drain", "report", "the server: SIGTERM"]


def test_signals_after_the_first_change_nothing_but_a_sigint_forces_once(loop, told):
    async def stop() -> None:
        drain = Drain(told)
        hold = drain.hold()
        signal.raise_signal(signal.SIGINT)
        for _ in range(100):
            signal.raise_signal(signal.SIGTERM)
        await until(drain.began.is_set)
        assert not hold.take_force()
        signal.raise_signal(signal.SIGINT)
        assert hold.take_force()
        assert not hold.take_force()
        drain.ended.set()
        await until(lambda: len(told) == 3)
        await several_turns()

    loop.run_until_complete(stop())
    assert told == ["the drain", "report", "the server: SIGTERM"]


def test_once_it_is_over_the_next_signal_goes_to_the_server_alone(loop, told):
    async def stop() -> None:
        drain = Drain(told)
        drain.ended.set()
        drain.hold()
        signal.raise_signal(signal.SIGTERM)
        await until(lambda: len(told) == 3)
        signal.raise_signal(signal.SIGINT)
        await until(lambda: len(told) == 4)

    loop.run_until_complete(stop())
    assert told == ["the drain", "report", "the server: SIGTERM", "the server: SIGINT"]


def test_other_signals_reach_the_loop_meanwhile(loop, told):
    loop.add_signal_handler(signal.SIGUSR1, told.append, "SIGUSR1")

    async def stop() -> None:
        hold = Drain(told).hold()
        signal.raise_signal(signal.SIGUSR1)
        await until(lambda: told)
        hold.release()

    loop.run_until_complete(stop())
    assert told == ["SIGUSR1"]


def test_a_loop_that_runs_again_is_still_held(loop, told):
    async def start() -> tuple[Drain, SignalHold]:
        drain = Drain(told)
        return drain, drain.hold()

    async def serve_and_stop(drain: Drain, hold: SignalHold) -> None:
        assert not hold.told_to_stop()
        signal.raise_signal(signal.SIGTERM)
        await until(drain.began.is_set)
        await several_turns()
        assert told == ["the drain"]
        drain.ended.set()
        await until(lambda: len(told) == 3)

    loop.run_until_complete(serve_and_stop(*loop.run_until_complete(start())))
    assert told == ["the drain", "report", "the server: SIGTERM"]


def test_a_server_whose_loop_has_heard_of_the_signal_already_is_not_told_twice(loop, told):
    async def stop() -> None:
        drain = Drain(told)
        drain.hold()
        loop.add_signal_handler(signal.SIGUSR1, told.append, "SIGUSR1")  # asyncio takes its descriptor back for it
        signal.raise_signal(signal.SIGTERM)
        await until(drain.began.is_set)
        drain.ended.set()
        await until(lambda: len(told) == 3)
        await several_turns()

    loop.run_until_complete(stop())
    assert sorted(told) == ["report", "the drain", "the server: SIGTERM"]


def test_a_loop_that_runs_again_and_is_not_asked_stops_its_server_once(loop, told):
    async def start() -> Drain:
        drain = Drain(told)
        drain.hold()
        return drain

    async def stop(drain: Drain) -> None:
        signal.raise_signal(signal.SIGTERM)
        await until(drain.began.is_set)
        drain.ended.set()
        await until(lambda: len(told) == 3)
        await several_turns()

    loop.run_until_complete(stop(loop.run_until_complete(start())))
    assert sorted(told) == ["report", "the drain", "the server: SIGTERM"]


def test_a_drain_that_fails_is_one_line_and_the_server_stops(loop, told, caplog):
    async def fail() -> None:
        raise AssertionError("not on purpose")

    async def stop() -> None:
        SignalHold(fail, lambda: told.append("report"))
        signal.raise_signal(signal.SIGTERM)
        await until(lambda: told)

    loop.run_until_complete(stop())
    assert told == ["the server: SIGTERM"]
    ((level, message),) = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert level == "ERROR"
    assert message.startswith(
        f"the drain failed, and the stop goes on: AssertionError('not on purpose') at {__file__}:"
    )


def test_a_server_that_stops_without_a_signal_gets_back_what_was_taken(loop, told):
    handlers = [signal.getsignal(number) for number in HELD]

    async def stop() -> None:
        descriptor = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(descriptor)
        hold = Drain(told).hold()
        hold.release()
        hold.release()
        assert signal.set_wakeup_fd(descriptor) == descriptor
        assert not hold.told_to_stop()
        assert signal.set_wakeup_fd(descriptor) == descriptor

    loop.run_until_complete(stop())
    assert [signal.getsignal(number) for number in HELD] == handlers


def test_what_somebody_else_has_taken_meanwhile_stays_theirs(loop, told):
    async def stop() -> None:
        hold = Drain(told).hold()
        loop.add_signal_handler(signal.SIGTERM, told.append, "the application: SIGTERM")
        hold.release()
        signal.raise_signal(signal.SIGTERM)
        await until(lambda: told)

    loop.run_until_complete(stop())
    assert told == ["the application: SIGTERM"]


def test_a_signal_that_was_ignored_stays_ignored(loop, told):
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    async def stop() -> None:
        hold = Drain(told).hold()
        signal.raise_signal(signal.SIGINT)
        assert not hold.told_to_stop()
        hold.release()

    loop.run_until_complete(stop())
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_only_a_process_whose_main_thread_handles_sigterm_can_be_held(loop, told):
    assert stops_by_signal()
    answers: list[bool] = []
    elsewhere = threading.Thread(target=lambda: answers.append(stops_by_signal()))
    elsewhere.start()
    elsewhere.join()
    assert answers == [False]
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    assert not stops_by_signal()


async def several_turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0.001)
