"""How fast somebody may publish over HTTP: as fast as on a WebSocket, counted by who it is, or else by its address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.server.test_address_limits import seen_from
from tests.server.test_who_comes_in import SECRET, bearer, signed

SLOW = {"messages_per_s": 0.01, "messages_burst": 2}  # so that nothing comes back while a test runs
JSON = {"Content-Type": "application/json"}
PATHS = ("/broadcast", "/rooms/tea/messages", "/clients/ann/messages")


def statuses(client: TestClient, times: int, **headers: str) -> list[int]:
    return [client.post(PATHS[n % 3], json={"data": n}, headers=headers).status_code for n in range(times)]


@pytest.mark.attack
def test_who_publishes_too_fast_is_answered_429_with_the_moment_to_go_on(capsys: pytest.CaptureFixture[str]):
    with seen_from("203.0.113.7", **SLOW) as client, client.websocket_connect("/ws/ann?room=tea") as ann:
        assert statuses(client, 3) == [202, 202, 429]
        refused = client.post("/broadcast", json={"data": "refused"})
        metrics = client.get("/metrics").text
        assert [ann.receive_text() for _ in range(2)] == ["0", "1"]

    assert refused.json() == {"detail": "messages refused: 2, limit 0.01 a second, burst 2"}
    assert 190 <= int(refused.headers["retry-after"]) <= 200
    assert 'ebb_limited_total{reason="messages"} 2.0' in metrics
    assert "ebb_published_total 2.0" in metrics
    assert capsys.readouterr().err.count("limited: '203.0.113.7': messages refused: 1") == 1


@pytest.mark.attack
def test_bytes_are_counted_whether_or_not_they_are_declared():
    with seen_from("203.0.113.7", bytes_per_s=1, max_body_bytes=5000, max_publish_bytes=5000) as client:
        body = b'{"data":"%s"}' % (b"x" * 2000)
        declared = [client.post("/broadcast", content=body, headers=JSON).status_code for _ in range(3)]
        refused = client.post("/broadcast", content=iter([body]), headers=JSON).json()
        refused_declared = client.post("/broadcast", content=body, headers=JSON).json()
    with seen_from("203.0.113.7", bytes_per_s=1, max_body_bytes=5000, max_publish_bytes=5000) as client:
        streamed = [client.post("/broadcast", content=iter([body]), headers=JSON).status_code for _ in range(3)]

    assert declared == streamed == [202, 202, 429]
    assert refused == {"detail": "bytes refused: 4022, limit 1 a second, burst 5000"}
    assert refused_declared == {"detail": "bytes refused: 6033, limit 1 a second, burst 5000"}


def test_the_largest_body_that_may_be_is_let_through_once():
    with seen_from("203.0.113.7", max_body_bytes=1_000_000, max_publish_bytes=900_000) as client:
        body = b'{"data":"%s"}' % (b"x" * 899_000)
        assert [client.post("/broadcast", content=body, headers=JSON).status_code for _ in range(2)] == [202, 429]


@pytest.mark.parametrize("address", ["127.0.0.1", "testclient"])
def test_nobody_on_this_machine_is_counted(address: str):
    with seen_from(address, **SLOW) as client:
        assert statuses(client, 5) == [202] * 5


def test_behind_a_trusted_proxy_each_address_is_counted_and_the_proxy_is_not():
    with seen_from("10.0.0.1", **SLOW, trusted_proxies="10.0.0.0/8") as client:
        assert statuses(client, 3, **{"X-Forwarded-For": "203.0.113.7"}) == [202, 202, 429]
        assert statuses(client, 3, **{"X-Forwarded-For": "203.0.113.8"}) == [202, 202, 429]
        assert statuses(client, 5) == [202] * 5


@pytest.mark.attack
def test_who_has_a_name_is_counted_by_it_wherever_it_comes_from(tmp_path: Path):
    keys = tmp_path / "keys"
    keys.write_bytes(SECRET)
    ann, bob, server = (
        bearer(signed(sub=sub, **more)) for sub, more in (("ann", {}), ("bob", {}), ("it", {"names": None}))
    )
    jwt = {"auth": "jwt", "jwt_keys": str(keys), "jwt_issuer": "us"}
    with seen_from("10.0.0.1", **SLOW, **jwt, trusted_proxies="10.0.0.0/8") as client:
        here, there = ({"X-Forwarded-For": f"203.0.113.{n}"} for n in (7, 8))
        assert statuses(client, 2, **ann, **here) == [202] * 2
        assert statuses(client, 1, **ann, **there) == statuses(client, 1, **ann) == [429]
        assert statuses(client, 3, **bob, **here) == [202, 202, 429]
        assert statuses(client, 3, **server, **here) == [202, 202, 429]
        assert statuses(client, 3, **server) == [202] * 3
        with client.websocket_connect("/ws/ann", ["ebb.v1"], headers=ann) as socket:
            socket.send_text('{"type":"publish","id":"a","data":1}')
            assert [socket.receive_json()["type"] for _ in range(2)] == ["welcome", "ack"]


def test_with_both_limits_off_anybody_may_publish_any_number():
    with seen_from("203.0.113.7", messages_per_s=0, bytes_per_s=0) as client:
        assert statuses(client, 300) == [202] * 300


def test_who_waits_as_it_is_told_goes_on():
    with seen_from("203.0.113.7", messages_per_s=10, messages_burst=2) as client:
        assert statuses(client, 3) == [202, 202, 429]
        while client.post("/broadcast", json={"data": 1}).status_code == 429:
            pass
        assert client.post("/broadcast", json={"data": 1}).status_code == 202


def test_publishing_takes_no_thread(monkeypatch: pytest.MonkeyPatch):
    """FastAPI has each dependency that is no coroutine called in a thread, of which there are forty."""
    taken: list[object] = []

    async def take(call: Any, **given: Any) -> Any:
        taken.append(call)
        return call(**given)

    with seen_from("203.0.113.7") as client:
        monkeypatch.setattr("fastapi.dependencies.utils.run_in_threadpool", take)
        assert client.post("/broadcast", json={"data": 1}).status_code == 202
    assert taken == []
