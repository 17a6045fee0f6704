"""uvicorn's main loop, which sleeps until it is told to stop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn

from server.serving import Server


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    """An application that nobody asks."""


class Watched(Server):
    """Its ticks, each with the time."""

    def __init__(self, **options: int) -> None:
        super().__init__(uvicorn.Config(nobody, **options))  # type: ignore[arg-type]
        self.ticks: list[tuple[int, float]] = []

    async def on_tick(self, counter: int) -> bool:
        self.ticks.append((counter, round(asyncio.get_running_loop().time(), 2)))
        return await super().on_tick(counter)


@pytest.mark.looptime
async def test_it_wakes_once_a_second_and_at_once_when_it_is_to_stop():
    server = Watched()
    asyncio.get_running_loop().call_later(2.35, setattr, server, "should_exit", True)
    await server.main_loop()

    assert server.ticks == [(0, 0.0), (10, 1.0), (20, 2.0), (30, 2.35)]


@pytest.mark.looptime
async def test_a_request_limit_is_looked_at_as_often_as_uvicorn_does():
    server = Watched(limit_max_requests=5)
    asyncio.get_running_loop().call_later(0.25, setattr, server.server_state, "total_requests", 5)
    await server.main_loop()

    assert [at for _, at in server.ticks] == [0.0, 0.1, 0.2, 0.3]
    assert not server.should_exit


@pytest.mark.looptime
async def test_who_was_told_before_does_not_wait():
    server = Watched()
    server.should_exit = True
    await server.main_loop()

    assert server.ticks == [(0, 0.0)]


def test_the_end_of_its_event_loop_is_no_obstacle():
    server = Watched()
    server.should_exit = True
    asyncio.run(server.main_loop())
    server.should_exit = True
    assert server.should_exit


@pytest.mark.looptime
async def test_who_is_told_to_go_on_goes_on_sleeping():
    server = Watched()
    loop = asyncio.get_running_loop()
    loop.call_later(0.5, setattr, server, "should_exit", False)
    loop.call_later(1.5, setattr, server, "should_exit", True)
    await server.main_loop()

    assert server.ticks == [(0, 0.0), (10, 1.0), (20, 1.5)]
