"""`/ws/session/{session_id}` of the whole application, driven by FastAPI's own TestClient, without uvicorn."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from server.app import create_app
from server.settings import Settings


@pytest.fixture
def client():
    with TestClient(create_app(Settings(notify_interval_s=0))) as client:
        yield client


def say(websocket, kind: str, **fields) -> None:
    websocket.send_text(json.dumps({"type": kind, **fields}))


def test_a_session_asks_joins_leaves_and_is_restored(client):
    with client.websocket_connect("/ws/session/ann") as ann:
        say(ann, "STUDENT_INTERRUPTION", payload={"questionText": "why?"})
        assert ann.receive_json()["type"] == "INTERRUPTION_ACKNOWLEDGED"
        say(ann, "READING_PROGRESS", payload={"page": 3})
        say(ann, "JOIN_CLASS", class_id="7b")
        say(ann, "DANCE")
        assert ann.receive_json()["code"] == "malformed"
    with client.websocket_connect("/ws/session/ann") as ann:
        assert ann.receive_json() == {
            "type": "SESSION_RESTORED",
            "payload": {"progress": {"page": 3}, "class_id": "7b", "answers": []},
        }


def test_a_session_hears_its_class_and_no_broadcasts(client):
    with client.websocket_connect("/ws/session/ann") as ann:
        say(ann, "JOIN_CLASS", class_id="7b")
        say(ann, "DANCE")
        assert ann.receive_json()["type"] == "ERROR"
        client.post("/broadcast", json={"data": "for everyone on /ws"})
        client.post("/rooms/class:7b/messages", json={"data": {"type": "HOMEWORK", "page": 4}})
        assert ann.receive_json() == {"type": "HOMEWORK", "page": 4}


def test_a_second_connection_with_the_same_id_replaces_the_first(client):
    with client.websocket_connect("/ws/session/ann") as first, client.websocket_connect("/ws/session/ann"):
        with pytest.raises(WebSocketDisconnect) as caught:
            first.receive_text()
        assert (caught.value.code, caught.value.reason) == (1008, "replaced by a newer connection with the same id")


def test_a_session_and_a_client_of_the_same_name_have_nothing_to_do_with_each_other(client):
    with client.websocket_connect("/ws/session/ann") as session, client.websocket_connect("/ws/ann") as named:
        named.send_text("hi")
        assert named.receive_text() == "You said: hi"
        client.post("/clients/ann/messages", json={"data": "for the client"})
        assert named.receive_text() == "for the client"
        say(session, "DANCE")
        assert session.receive_json()["type"] == "ERROR"


def test_an_idle_session_is_closed():
    with (
        TestClient(create_app(Settings(notify_interval_s=0, idle_timeout_s=0.05))) as client,
        client.websocket_connect("/ws/session/ann") as ann,
        pytest.raises(WebSocketDisconnect) as caught,
    ):
        ann.receive_text()
    assert (caught.value.code, caught.value.reason) == (1000, "idle")


def test_one_session_too_many_is_refused_and_one_that_is_here_may_come_back():
    with TestClient(create_app(Settings(notify_interval_s=0, max_sessions=2))) as client:
        with client.websocket_connect("/ws/session/ann") as ann, client.websocket_connect("/ws/session/bob"):
            with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect("/ws/session/eve"):
                pass
            assert (caught.value.status_code, caught.value.headers["retry-after"]) == (503, "1")
            assert caught.value.text == "this process has 2 sessions, limit 2\n"
            assert 'ebb_refused_total{reason="full"} 1.0' in client.get("/metrics").text
            with client.websocket_connect("/ws"), client.websocket_connect("/ws/session/ann") as again:
                say(again, "DANCE")
                assert again.receive_json()["code"] == "malformed"
                with pytest.raises(WebSocketDisconnect):
                    ann.receive_text()
        with client.websocket_connect("/ws/session/eve") as eve:
            say(eve, "DANCE")
            assert eve.receive_json()["code"] == "malformed"
