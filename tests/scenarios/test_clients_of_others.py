"""Other people's clients on connections of our own class: each connects, talks, hears of the drain, and is closed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import websockets

from harness.targets.known import TARGETS
from harness.targets.target import Target
from tests.harness.servers import empty_history

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(60)]

NODE = Path(__file__).parent.parent / "targets" / "node"
SAID = json.dumps({"action": "chat", "msg": "grüße " + "x" * 200})
ECHO = {"status": "ok", "echo": "grüße " + "x" * 200}

Hear = Callable[[str], None]


async def with_websockets(url: str, hear: Hear) -> None:
    async with websockets.connect(url) as client:
        await client.send(SAID)
        with contextlib.suppress(websockets.ConnectionClosed):  # raised for 1012
            while True:
                hear(str(await client.recv()))
    hear(f"closed {client.close_code} {client.close_reason}")


async def with_aiohttp(url: str, hear: Hear) -> None:
    aiohttp = pytest.importorskip("aiohttp")
    async with aiohttp.ClientSession() as session, session.ws_connect(url, compress=15) as client:
        await client.send_str(SAID)
        while (message := await client.receive()).type is aiohttp.WSMsgType.TEXT:
            hear(message.data)
        hear(f"closed {message.data} {message.extra}")


async def with_nodes_ws(url: str, hear: Hear) -> None:
    if not (NODE / "node_modules").exists():
        pytest.skip("npm ci was not run in tests/targets/node")
    client = await asyncio.create_subprocess_exec(
        "node", str(NODE / "client.mjs"), url, SAID, stdout=asyncio.subprocess.PIPE
    )
    assert client.stdout is not None
    async for line in client.stdout:
        hear(line.decode().strip())
    assert await client.wait() == 0


@pytest.mark.parametrize("talk", [with_websockets, with_aiohttp, with_nodes_ws])
async def test_a_client_of_others_talks_hears_of_the_drain_and_is_closed(talk: Callable[[str, Hear], Awaitable[None]]):
    heard: list[str] = []
    history = empty_history()
    async with Target(TARGETS["launcher"], history, {"SERVER_DRAIN_TIMEOUT_S": "0.2"}) as server:

        def hear(text: str) -> None:
            heard.append(text)
            if len(heard) == 1:
                server.signal(signal.SIGTERM)

        await talk(f"ws://127.0.0.1:{server.port}/ws/json", hear)
        assert await server.until_exit(within_s=20.0)

    assert json.loads(heard[0]) == ECHO
    assert json.loads(heard[1])["type"] == "draining"
    assert heard[2:] == ["closed 1012 service restart"]
    lines = [each.detail["text"] for each in history.events if each.what == "line"]
    assert [json.loads(line)["closed"] for line in lines if line.startswith('{"event": "drain.report"')] == [1]
