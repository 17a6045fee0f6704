"""A client that floods a real server: what others get of it, what it is told, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from clients.python import connect as connect_client
from harness.probes.http import fetch
from harness.targets.fleet import Fleet
from harness.targets.known import LAUNCHER
from harness.targets.target import Target
from server.brokers.embedded import EmbeddedValkey
from tests.harness.servers import empty_history

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(60)]

FLOOD = 2000


async def flood(client: ClientConnection) -> None:
    try:
        for n in range(FLOOD):
            await client.send(json.dumps({"type": "publish", "id": f"f{n}", "data": f"flood {n}"}))
    except ConnectionClosed:
        pass


async def all_of(client: ClientConnection) -> list[str]:
    heard = []
    try:
        while True:
            heard.append(str(await client.recv()))
    except ConnectionClosed:
        return heard


@pytest.mark.parametrize("protocol", ["ebb", "uvicorn"])
async def test_of_a_flood_others_get_a_burst_and_its_sender_is_closed(protocol: str) -> None:
    settings = {"SERVER_NOTIFY_INTERVAL_S": "0", "SERVER_PROTOCOL": protocol}
    async with Target(LAUNCHER, empty_history(), settings) as target:
        url = f"ws://127.0.0.1:{target.port}/ws"
        async with (
            connect(url, max_queue=None) as honest,
            connect(f"{url}/eve", subprotocols=["ebb.v1"], max_queue=None) as eve,  # type: ignore[list-item]
        ):
            heard, _ = await asyncio.gather(all_of(eve), flood(eve))
            await fetch(target.port, "/broadcast", body=b'{"data":"the end"}')
            passed_on = []
            while (text := await honest.recv()) != "the end":
                passed_on.append(text)
            metrics = (await fetch(target.port, "/metrics")).body.decode()
        said = [json.loads(text) for text in heard]
        acks, errors = ([each for each in said if each["type"] == kind] for kind in ("ack", "error"))

    assert len(passed_on) == len(acks)
    assert 100 <= len(acks) < 200  # the burst, and what became free meanwhile
    assert {each["code"] for each in errors} == {"rate_limited"}
    assert len(errors) == 101
    assert eve.close_code == 1008
    assert eve.close_reason == "rate_limited: messages refused: 101, limit 50 a second, burst 100"
    assert 'ebb_limited_total{reason="closed"} 1.0' in metrics
    lines = [str(event.detail["text"]) for event in target.history.events if event.what == "line"]
    assert 1 <= sum("limited: 'eve'" in line for line in lines) <= 10


async def test_a_client_of_ours_with_much_to_say_loses_nothing_and_keeps_its_order() -> None:
    async with Target(LAUNCHER, empty_history(), {"SERVER_NOTIFY_INTERVAL_S": "0"}) as target:
        url = f"ws://127.0.0.1:{target.port}/ws"
        async with connect(url, max_queue=None) as honest, connect_client(url) as client:
            numbers = await asyncio.gather(*(client.publish(n) for n in range(250)))
            heard = [int(str(await honest.recv()).rpartition(" ")[2]) for _ in range(250)]
            metrics = (await fetch(target.port, "/metrics")).body.decode()

    assert heard == list(range(250))
    assert numbers == sorted(numbers)
    assert 'ebb_limited_total{reason="closed"} 0.0' in metrics
    assert 'ebb_limited_total{reason="messages"} 0.0' not in metrics


async def keeps_within_what_one_process_allows(url: str, limited: asyncio.Event) -> None:
    """Publish a burst, and go on at nearly the rate; `limited` is set once the server is too slow for that."""
    async with connect(f"{url}/eve", subprotocols=["ebb.v1"], max_queue=None) as eve:  # type: ignore[list-item]
        for n in range(10_000):
            await eve.send(json.dumps({"type": "publish", "id": f"{url}-{n}", "data": n}))
            if n >= 100:
                await asyncio.sleep(1 / 40)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0):
                    while True:
                        if "rate_limited" in str(await eve.recv()):
                            limited.set()


async def test_what_one_name_says_to_several_hosts_is_counted_together() -> None:
    with EmbeddedValkey() as valkey:
        settings = {"SERVER_NOTIFY_INTERVAL_S": "0", "SERVER_BROKER_URL": valkey.url}
        async with Fleet(LAUNCHER, empty_history(), 3, settings) as fleet:
            limited = asyncio.Event()
            speaking = [
                asyncio.create_task(keeps_within_what_one_process_allows(f"ws://127.0.0.1:{port}/ws", limited))
                for port in fleet.ports
            ]
            waiting = asyncio.create_task(limited.wait())
            ended, _ = await asyncio.wait([waiting, *speaking], return_when=asyncio.FIRST_COMPLETED)
            for each in (waiting, *speaking):
                each.cancel()
            await asyncio.gather(waiting, *speaking, return_exceptions=True)

    assert ended == {waiting}
