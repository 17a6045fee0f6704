"""Two hosts with one broker: messages reach a room, one client, or every client, on whichever host they are."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect

from harness.targets.known import LAUNCHER
from harness.targets.target import Target
from server.brokers.embedded import EmbeddedValkey
from tests.harness.servers import empty_history

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(60)]


def client(host: Target, path: str) -> connect:
    return connect(f"ws://127.0.0.1:{host.port}/ws/{path}", subprotocols=["ebb.v1"])


async def post(host: Target, path: str, **body: Any) -> int:
    async with httpx2.AsyncClient() as http:
        answer = await http.post(f"http://127.0.0.1:{host.port}{path}", json=body)
    assert answer.status_code == 202
    return answer.json()["seq"]


async def heard(one: ClientConnection, last: str) -> list[Any]:
    """The messages that a client got, up to the one that is the last."""
    data: list[Any] = []
    while not data or data[-1] != last:
        said = json.loads(await one.recv())
        if said["type"] == "message":
            data.append(said["data"])
    return data


async def test_a_message_reaches_its_room_its_client_or_every_client_on_every_host():
    with EmbeddedValkey() as valkey:
        settings = {"SERVER_BROKER_URL": valkey.url, "SERVER_NOTIFY_INTERVAL_S": "0", "SERVER_DRAIN_TIMEOUT_S": "1"}
        one, two = Target(LAUNCHER, empty_history(), settings), Target(LAUNCHER, empty_history(), settings)
        async with (
            one,
            two,
            client(one, "ann?room=tea") as ann,
            client(two, "bob?room=tea") as bob,
            client(two, "eve") as eve,
        ):
            await post(one, "/rooms/tea/messages", data="for the room")
            await post(two, "/clients/ann/messages", data="for ann")
            seq = await post(one, "/broadcast", data="once", id="x")
            assert await post(two, "/broadcast", data="again", id="x") == seq
            await post(two, "/broadcast", data="end")

            assert await heard(ann, "end") == ["for the room", "for ann", "once", "end"]
            assert await heard(bob, "end") == ["for the room", "once", "end"]
            assert await heard(eve, "end") == ["once", "end"]
