"""A client that sends faster than it may: what it is told on each path, and how it ends if it goes on regardless."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from server.access.identity import Identity
from server.app import create_app
from server.connections.terms import Limits
from server.limits.meters import Meters
from server.limits.rate import Rate, Rates
from server.messages.wire import Arrival
from server.settings import Settings
from tests.server.peers import InMemoryServer, Peer

SLOW = Rate(0.001, 3)  # so that nothing comes back while a test runs
NONE = Rate(0, 0)


@pytest.fixture
def client() -> Iterator[TestClient]:
    settings = Settings(notify_interval_s=0, messages_per_s=0.001, messages_burst=2)
    with TestClient(create_app(settings)) as client:
        yield client


def heard_until_closed(websocket: Any) -> tuple[list[str], tuple[int, str]]:
    heard = []
    try:
        while True:
            heard.append(websocket.receive_text())
    except WebSocketDisconnect as closed:
        return heard, (closed.code, closed.reason)


TOLD = "messages refused: {n}, limit 0.001 a second, burst 2"
AFTER_S = 2000.0


def of_plain(n: int) -> dict[str, Any]:
    return {"type": "error", "code": "rate_limited", "detail": TOLD.format(n=n)}


def of_envelope(n: int) -> dict[str, Any]:
    return of_plain(n) | {"id": f"m{n + 1}"}


def of_json(n: int) -> dict[str, Any]:
    return {"status": "error", "detail": f"rate_limited: {TOLD.format(n=n)}"}


def of_session(n: int) -> dict[str, Any]:
    return {"type": "ERROR", "code": "rate_limited", "detail": TOLD.format(n=n)}


@pytest.mark.parametrize(
    ("path", "protocols", "text", "told"),
    [
        ("/ws", [], "hello", of_plain),
        ("/ws/ann", [], "hello", of_plain),
        ("/ws/ann", ["ebb.v1"], '{{"type":"publish","id":"m{n}","data":1}}', of_envelope),
        ("/ws/json", [], '{{"action":"chat","msg":"hello"}}', of_json),
        ("/ws/heavy", [], "hello", of_json),
        ("/ws/session/ann", [], '{{"type":"READING_PROGRESS","payload":{{}}}}', of_session),
    ],
)
def test_who_is_too_fast_is_told_so_and_who_goes_on_regardless_is_closed(
    client: TestClient, path: str, protocols: list[str], text: str, told: Callable[[int], dict[str, Any]]
):
    with client.websocket_connect(path, protocols) as websocket:
        for n in range(6):
            websocket.send_text(text.format(n=n))
        heard, closed = heard_until_closed(websocket)
    complaints = [json.loads(each) for each in heard if "rate_limited" in each]

    assert [{**each, "retry_after_s": None} for each in complaints] == [
        {**told(n), "retry_after_s": None} for n in (1, 2, 3)
    ]
    assert all(AFTER_S - 60 < each["retry_after_s"] <= AFTER_S for each in complaints)
    assert closed == (1008, f"rate_limited: {TOLD.format(n=3)}")


def test_what_was_refused_is_in_the_metrics_by_its_reason(client: TestClient):
    with client.websocket_connect("/ws/json") as websocket:
        for _ in range(5):
            websocket.send_text("{}")
        heard_until_closed(websocket)
    lines = client.get("/metrics").text.splitlines()

    assert [line for line in lines if line.startswith("ebb_limited_total") and not line.endswith(" 0.0")] == [
        'ebb_limited_total{reason="messages"} 3.0',
        'ebb_limited_total{reason="closed"} 1.0',
    ]


def test_bytes_are_counted_as_they_are_on_the_wire():
    settings = Settings(notify_interval_s=0, bytes_per_s=0.001, max_message_bytes=10)
    with TestClient(create_app(settings)) as client, client.websocket_connect("/ws/ann") as ann:
        for text in ("éééé", "x", "xx"):
            ann.send_text(text)
        heard = [ann.receive_text() for _ in range(3)]

    assert heard[:2] == ["You said: éééé", "You said: x"]
    assert json.loads(heard[2])["detail"] == "bytes refused: 2, limit 0.001 a second, burst 10"


def test_with_both_limits_off_nobody_is_too_fast():
    settings = Settings(notify_interval_s=0, messages_per_s=0, bytes_per_s=0, messages_burst=1)
    with TestClient(create_app(settings)) as client, client.websocket_connect("/ws/ann") as ann:
        for _ in range(300):
            ann.send_text("x" * 10_000)
        assert {ann.receive_text()[:10] for _ in range(300)} == {"You said: "}


# ---- Whose meter it is ----


def limits_of(rates: Rates) -> Limits:
    return Limits(2000, 4, 100, 10, Meters(rates))


@pytest.mark.looptime
async def test_who_comes_again_under_its_name_has_the_meter_that_it_had_and_later_a_new_one():
    server = InMemoryServer(limits=limits_of(Rates(Rate(1, 3), NONE)))
    first, again, later = Peer(), Peer(), Peer()
    await server.connect(first, "ann")
    for _ in range(3):
        first.say("x")
    await asyncio.sleep(0)
    first.leave()
    await asyncio.sleep(0.1)
    gc.collect()
    await server.connect(again, "ann")
    for _ in range(3):
        again.say("x")
    await asyncio.sleep(0.1)
    again.leave()
    await asyncio.sleep(5)
    await server.connect(later, "ann")
    for _ in range(3):
        later.say("x")
    await asyncio.sleep(0.1)

    assert [text for text in again.heard if text.startswith("You")] == []
    assert later.heard == ["You said: x"] * 3


@pytest.mark.looptime
async def test_of_two_connections_of_one_person_the_meter_is_the_same():
    server = InMemoryServer(limits=limits_of(Rates(SLOW, NONE)))
    phone, desk, other = Peer(), Peer(), Peer()
    for peer, name, subject in ((phone, "phone", "ann"), (desk, "desk", "ann"), (other, "bob", "bob")):
        connection = await server.connect(peer, name)
        connection.identity = Identity(subject, names=("*",))
    for _ in range(2):
        for peer in (phone, desk, other):
            peer.say("x")
    await asyncio.sleep(0.1)
    said = [[text for text in peer.heard if text.startswith("You")] for peer in (phone, desk, other)]

    assert sorted(map(len, said[:2])) == [1, 2]
    assert len(said[2]) == 2


@pytest.mark.looptime
async def test_a_client_that_waits_as_it_is_told_goes_on_and_stays():
    server, peer = InMemoryServer(limits=limits_of(Rates(Rate(1, 3), NONE))), Peer()
    await server.connect(peer, "ann", Arrival())
    for n in range(30):
        peer.say(json.dumps({"type": "publish", "id": f"m{n}", "data": n}))
        await asyncio.sleep(0.001)
        if peer.envelopes[-1]["type"] == "error":
            await asyncio.sleep(peer.envelopes[-1]["retry_after_s"])
    acks = [each for each in peer.envelopes if each["type"] == "ack"]

    assert peer.close_frame is None
    assert len(acks) >= 22
