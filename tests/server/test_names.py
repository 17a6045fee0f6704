"""Names of clients, rooms, classes and sessions: how long, and of what, wherever one comes in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from server.app import create_app
from server.messages.names import complaint_about
from server.settings import Settings

LONG = "é" * 64 + "x"  # 129 bytes, 65 characters


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(notify_interval_s=0))) as client:
        yield client


@pytest.mark.attack
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("x" * 128, None),
        ("class 7b: Grüße, 你好", None),
        (LONG, "room of 129 bytes, limit 128"),
        ("a\nb", "room with the control character U+000A"),
        ("\x7f", "room with the control character U+007F"),
        ("a\x85", "room with the control character U+0085"),
        ("\x00" * 200, "room of 200 bytes, limit 128"),
    ],
)
def test_a_name_has_a_length_in_bytes_and_no_control_characters(name: str, complaint: str | None):
    assert complaint_about("room", name, 128) == complaint


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        (f"/ws/{quote(LONG)}", "client id of 129 bytes, limit 128"),
        ("/ws/a%0Ab", "client id with the control character U+000A"),
        (f"/ws/session/{quote(LONG)}", "session id of 129 bytes, limit 128"),
        ("/ws/session/a%00b", "session id with the control character U+0000"),
        (f"/ws?room=a&room={quote(LONG)}", "room of 129 bytes, limit 128"),
        ("/ws?room=a%1Bb", "room with the control character U+001B"),
    ],
)
def test_a_handshake_with_a_bad_name_is_refused_with_400_before_the_upgrade(client: TestClient, path: str, answer: str):
    with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect(path):
        pass

    assert (caught.value.status_code, caught.value.text) == (400, f"{answer}\n")
    assert 'ebb_refused_total{reason="malformed"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("path", [f"/ws/{'x' * 128}", f"/ws/session/{quote('é' * 64)}", f"/ws?room={'x' * 128}"])
def test_a_name_of_just_the_length_is_let_in(client: TestClient, path: str):
    with client.websocket_connect(path):
        pass


def said(websocket: Any, request: dict[str, Any]) -> Any:
    websocket.send_text(json.dumps(request))
    return json.loads(websocket.receive_text())


@pytest.mark.parametrize(
    ("room", "detail"),
    [(LONG, "room of 129 bytes, limit 128"), ("a\tb", "room with the control character U+0009")],
)
def test_a_bad_room_in_band_is_malformed_and_the_connection_stays(client: TestClient, room: str, detail: str):
    with client.websocket_connect("/ws/ann", ["ebb.v1"]) as ann:
        ann.receive_text()
        malformed = {"type": "error", "code": "malformed", "detail": detail}

        assert said(ann, {"type": "join", "room": room}) == malformed
        assert said(ann, {"type": "leave", "room": room}) == malformed
        assert said(ann, {"type": "publish", "id": "p", "room": room, "data": 1}) == malformed | {"id": "p"}
        assert said(ann, {"type": "publish", "id": "q", "room": "fine", "data": 1})["type"] == "ack"
    assert 'ebb_limited_total{reason="names"} 3.0' in client.get("/metrics").text


def test_the_room_of_a_class_is_a_room(client: TestClient):
    with client.websocket_connect("/ws/session/ann") as ann:
        answers = [said(ann, {"type": "JOIN_CLASS", "class_id": each}) for each in ("x" * 123, "a\nb", "\u2028" * 41)]

    assert [each["detail"] for each in answers] == [
        "class room of 129 bytes, limit 128",
        "class room with the control character U+000A",
        "class room of 129 bytes, limit 128",
    ]


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        (f"/rooms/{quote(LONG)}/messages", "room of 129 bytes, limit 128"),
        ("/rooms/a%0Ab/messages", "room with the control character U+000A"),
        (f"/clients/{quote(LONG)}/messages", "client id of 129 bytes, limit 128"),
        ("/clients/a%7Fb/messages", "client id with the control character U+007F"),
    ],
)
def test_a_bad_name_over_http_is_answered_with_422(client: TestClient, path: str, detail: str):
    answer = client.post(path, json={"data": 1})

    assert (answer.status_code, answer.json()) == (422, {"detail": detail})


def test_the_limit_is_a_setting():
    with TestClient(create_app(Settings(notify_interval_s=0, max_name_bytes=3))) as client:
        assert client.post("/rooms/four/messages", json={"data": 1}).json() == {"detail": "room of 4 bytes, limit 3"}
        with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect("/ws/four"):
            pass

    assert caught.value.text == "client id of 4 bytes, limit 3\n"
