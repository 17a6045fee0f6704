"""Handshakes at the very end of a stop: the last one of all, and one that makes uvicorn's own part of the stop fail."""

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


@pytest.mark.attack
@pytest.mark.parametrize("target", TARGETS)
async def test_a_handshake_with_a_header_of_9_kb_that_is_held_does_not_end_the_stop_early(target: str) -> None:
    """websockets has refused it and waits for the client to go; uvicorn answers it once more, and fails."""
    history = empty_history()
    async with Target(TARGETS[target], history, {"SERVER_PROTOCOL": "uvicorn"}) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(HANDSHAKE[:-2] + b"X-Large: " + b"x" * 9000 + b"\r\n\r\n")
        while not any("431" in event.detail["text"] for event in history.events if event.what == "line"):
            await asyncio.sleep(0.01)
        server.signal(signal.SIGTERM)
        assert await server.until_exit(within_s=10.0)
        assert server.status in (0, -signal.SIGTERM)
        writer.close()

    output = "\n".join(event.detail["text"] for event in history.events if event.what == "line")
    assert output.count('{"event": "drain.report"') == TARGETS[target].processes, output
    assert output.count("Application shutdown complete") == TARGETS[target].processes, output
    assert output.count("ERROR:") == 1, output
    assert "Traceback" not in output, output
