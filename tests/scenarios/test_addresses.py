"""A real server behind a proxy: each client is counted by the address that the proxy has seen."""

from __future__ import annotations

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from harness.targets.known import LAUNCHER, REFERENCE
from harness.targets.target import Target
from tests.harness.servers import empty_history

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
