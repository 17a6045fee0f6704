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
from tests.scenarios.needs import needs
from tests.scenarios.real_server import started

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(60)]

NODE = Path(__file__).parent.parent / "targets" / "node"
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
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


@needs("curl", "curl")
async def test_curl_reads_the_frames_of_a_broadcast_the_notice_and_the_close():
    settings = {"SERVER_DRAIN_TIMEOUT_S": "0.2", "SERVER_CLOSE_TIMEOUT_S": "0.5", "SERVER_NOTIFY_INTERVAL_S": "0"}
    async with started("-m server --port {port} --ws-ping-interval 60", **settings) as server:
        await (await server.first_client("/ws/json")).close()
        url = f"http://127.0.0.1:{server.port}"
        upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY]
        asked = [word for header in upgrade for word in ("-H", header)]
        curl = await curl_of("-iN", "--http1.1", *asked, f"{url}/ws")
        while json.loads(await (await curl_of(f"{url}/health")).read())["connections"] != 1:
            pass  # curl writes what it has read of the head with the first frame
        answer = await (await curl_of("--json", json.dumps({"data": "from the shell"}), f"{url}/broadcast")).read()
        server.process.terminate()
        head, _, heard = (await curl.read()).partition(b"\r\n\r\n")
        assert await server.until_exit() == 0

    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert json.loads(answer) == {"seq": 1}
    assert heard.startswith(b"\x81\x0efrom the shell\x81")
    assert b"draining" in heard
    assert heard.endswith(b"\x88\x11\x03\xf4service restart")
    reports = [json.loads(line) for line in server.lines if line.startswith('{"event": "drain.report"')]
    assert [(report["closed"], report["aborted"]) for report in reports] == [(0, 1)]


async def curl_of(*options: str) -> asyncio.StreamReader:
    """Start curl, and return what it prints."""
    curl = await asyncio.create_subprocess_exec("curl", "-s", *options, stdout=asyncio.subprocess.PIPE)
    assert curl.stdout is not None
    return curl.stdout
