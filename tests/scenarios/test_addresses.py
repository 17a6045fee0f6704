"""Real servers behind a proxy: each client is counted by the address that the proxy has seen, at all of them."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, suppress

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from harness.targets.known import LAUNCHER, REFERENCE
from harness.targets.target import Target
from tests.harness.servers import empty_history
from tests.scenarios.rolling_hosts import hosts_of_one_broker

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(60)]

FEW = {"SERVER_HANDSHAKES_PER_S": "0.001", "SERVER_HANDSHAKES_BURST": "2"}  # so that nothing comes back meanwhile


async def answers(port: int, forwarded: str | None, count: int) -> list[int]:
    """The statuses of so many handshakes, one after the other."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    found = []
    for _ in range(count):
        try:
            async with connect(f"ws://127.0.0.1:{port}/ws", additional_headers=headers):
                found.append(101)
        except InvalidStatus as refused:
            found.append(refused.response.status_code)
    return found


@pytest.mark.parametrize("protocol", ["ebb", "uvicorn"])
@pytest.mark.parametrize(
    ("profile", "settings", "counts"),
    [
        pytest.param(LAUNCHER, {"SERVER_TRUSTED_PROXIES": "127.0.0.0/8"}, True, id="trusted"),
        pytest.param(LAUNCHER, {}, False, id="not trusted"),
        pytest.param(REFERENCE, {}, True, id="uvicorn's own command line trusts this machine"),
    ],
)
async def test_clients_behind_a_proxy_are_counted_by_their_own_addresses(profile, settings, counts, protocol) -> None:
    environment = FEW | settings | {"SERVER_PROTOCOL": protocol}
    async with Target(profile, empty_history(), environment) as target:
        ann = await answers(target.port, "9.9.9.9, 203.0.113.7", 3)
        bob = await answers(target.port, "203.0.113.8", 2)
        nobody = await answers(target.port, None, 4)

    assert ann == ([101, 101, 429] if counts else [101] * 3)
    assert (bob, nobody) == ([101] * 2, [101] * 4)


# ---- Two hosts with one broker ----

OFFICE = "203.0.113.7"
MOST = 8
SHARED = {
    "SERVER_TRUSTED_PROXIES": "127.0.0.0/8",
    "SERVER_CONNECTIONS_PER_ADDRESS": f"{MOST}",
    "SERVER_HANDSHAKES_PER_S": "0",
}


async def until_let_in(port: int) -> ClientConnection:
    """Connect from the office as often as it takes; the test's time limit bounds it."""
    while True:
        with suppress(InvalidStatus):
            return await connect(f"ws://127.0.0.1:{port}/ws", additional_headers={"X-Forwarded-For": OFFICE})
        await asyncio.sleep(0.05)


async def until_full(port: int) -> None:
    """Connect from the office, and leave, as long as that is let in."""
    while await answers(port, OFFICE, 1) != [429]:
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_an_office_at_its_limit_moves_from_a_host_that_drains_or_dies_to_the_other(end: signal.Signals) -> None:
    async with hosts_of_one_broker(2, **SHARED) as hosts, AsyncExitStack() as stack:
        old, new = hosts.running
        there = [await stack.enter_async_context(await until_let_in(old.port)) for _ in range(MOST)]
        await until_full(new.port)
        old.signal(end)
        for _ in range(MOST):
            await stack.enter_async_context(await until_let_in(new.port))
        stay = [each for each in there if each.close_code is None]
        await until_full(new.port)

    assert len(stay) == (MOST if end is signal.SIGTERM else 0)
