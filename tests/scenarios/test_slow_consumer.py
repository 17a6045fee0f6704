"""A client that does not read is closed with 1008, or aborted if it never reads again; the others get every message."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from harness.probes.http import fetch
from harness.targets.known import LAUNCHER
from harness.targets.target import Target
from tests.harness.servers import empty_history

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(60)]

SETTINGS = {"SERVER_OUTBOX_BYTES": "65536", "SERVER_NOTIFY_INTERVAL_S": "0", "SERVER_CLOSE_TIMEOUT_S": "3"}
TEXT = "x" * 20_000


def narrow(port: int) -> socket.socket:
    """A connection with small kernel buffers: a window of 4 kB, in small segments."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    client.connect(("127.0.0.1", port))
    return client


async def broadcast_until_it_is_counted(port: int, slow_consumers: int) -> int:
    """Broadcast until the server has closed so many slow consumers; return how many broadcasts that took."""
    for sent in range(1, 2000):
        await fetch(port, "/broadcast", body=json.dumps({"data": TEXT}).encode())
        metrics = await fetch(port, "/metrics")
        if f"ebb_slow_consumers_total {slow_consumers}.0" in metrics.body.decode():
            return sent
    raise AssertionError(f"{sent} broadcasts of {len(TEXT)} bytes, and no client was closed as a slow consumer")


async def until_no_connection_is_left(port: int) -> None:
    """Return when the server counts no connection; the test's timeout bounds this."""
    while json.loads((await fetch(port, "/health")).body)["connections"]:
        await asyncio.sleep(0.05)


async def count(reader: ClientConnection, wanted: int) -> None:
    for _ in range(wanted):
        assert await reader.recv() == TEXT


async def closed_with(client: ClientConnection) -> tuple[int | None, str | None]:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await client.recv()
    return client.close_code, client.close_reason


async def test_a_slow_consumer_that_reads_again_gets_1008_with_the_reason_and_others_lose_nothing() -> None:
    async with Target(LAUNCHER, empty_history(), SETTINGS) as target:
        url = f"ws://127.0.0.1:{target.port}/ws"
        async with (
            connect(url, max_queue=None) as reader,
            connect(url, sock=narrow(target.port), max_queue=1, ping_interval=None) as slow,
        ):
            sent = await broadcast_until_it_is_counted(target.port, slow_consumers=1)
            await count(reader, sent)
            code, reason = await closed_with(slow)

    assert code == 1008
    assert reason is not None
    assert reason.startswith("slow consumer: ")
    assert reason.endswith("of 65536 bytes")


@pytest.mark.attack
async def test_a_slow_consumer_that_never_reads_again_is_aborted() -> None:
    async with (
        Target(LAUNCHER, empty_history(), SETTINGS) as target,
        connect(f"ws://127.0.0.1:{target.port}/ws", sock=narrow(target.port), max_queue=1) as slow,
    ):
        slow.transport.pause_reading()
        await broadcast_until_it_is_counted(target.port, slow_consumers=1)
        await until_no_connection_is_left(target.port)
        slow.transport.abort()
