"""The last handshake: its connection is accepted during the drain, its request comes after all clients have left."""

from __future__ import annotations

import asyncio
import signal

import pytest

from harness.targets.known import TARGETS
from harness.targets.target import Target
from tests.harness.servers import empty_history

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(60)]

HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def until_refused(port: int) -> None:
    """Return as soon as the listener is closed."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return
        writer.transport.abort()


@pytest.mark.parametrize("target", TARGETS)
async def test_a_handshake_on_a_connection_accepted_before_the_listener_closed_gets_503(target: str) -> None:
    grace = {"SERVER_DRAIN_GRACE_S": "0.3"}
    async with Target(TARGETS[target], empty_history(), grace) as server:
        server.signal(signal.SIGTERM)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await until_refused(server.port)
        writer.write(HANDSHAKE)
        answer = await reader.read(1000)
        writer.close()
        assert await server.until_exit(within_s=10.0)

    assert answer.startswith(b"HTTP/1.1 503 "), answer
