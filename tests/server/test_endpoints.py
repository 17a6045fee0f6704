"""Every endpoint, driven by FastAPI's own TestClient, without uvicorn."""

from __future__ import annotations

import hashlib
import json

import pytest
from fastapi.testclient import TestClient
from freezegun import freeze_time
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from server.app import create_app
from server.brokers.broker import BrokerUnavailable
from server.settings import Settings


@pytest.fixture
def client():
    settings = Settings(notify_interval_s=0, max_message_bytes=100, messages_burst=1000)
    with TestClient(create_app(settings)) as client:
        yield client


def received(websocket) -> dict:
    return json.loads(websocket.receive_text())


def test_a_clients_text_goes_verbatim_to_every_other_client(client):
    with client.websocket_connect("/ws") as ann, client.websocket_connect("/ws") as bob:
        ann.send_text("  héllo ")
        assert bob.receive_text() == "  héllo "
        bob.send_text("back")
        assert ann.receive_text() == "back"


def test_a_named_client_hears_what_it_said_and_the_others_who_said_it(client):
    with client.websocket_connect("/ws/ann") as ann, client.websocket_connect("/ws") as bob:
        ann.send_text("hi")
        assert ann.receive_text() == "You said: hi"
        assert bob.receive_text() == "Client ann: hi"


def test_a_second_connection_with_the_same_id_replaces_the_first(client):
    with client.websocket_connect("/ws/ann") as first, client.websocket_connect("/ws/ann") as second:
        with pytest.raises(WebSocketDisconnect) as caught:
            first.receive_text()
        assert (caught.value.code, caught.value.reason) == (1008, "replaced by a newer connection with the same id")
        second.send_text("still here")
        assert second.receive_text() == "You said: still here"


@pytest.mark.attack
@pytest.mark.parametrize("path", ["/ws/", "/ws/session/"])
def test_a_name_that_the_server_gave_to_a_client_is_nobody_elses_to_take(client, path: str):
    with client.websocket_connect("/ws", subprotocols=["ebb.v1"]) as ann:
        name = received(ann)["connection"]
        with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect(path + name):
            pass
        assert (caught.value.status_code, caught.value.text) == (
            403,
            "names that begin with ~ are the server's to give\n",
        )
        assert client.post(f"/clients/{name}/messages", json={"data": "for you"}).status_code == 202
        assert received(ann)["data"] == "for you"


def test_clients_that_leave_are_forgotten(client):
    with client.websocket_connect("/ws"), client.websocket_connect("/ws/ann"):
        assert client.get("/health").json() == {"status": "ok", "phase": "serving", "connections": 2}
    assert client.get("/health").json()["connections"] == 0


def test_an_envelope_client_is_welcomed_publishes_and_is_acknowledged(client):
    with (
        client.websocket_connect("/ws/ann", subprotocols=["other", "ebb.v1"]) as ann,
        client.websocket_connect("/ws") as bob,
    ):
        welcome = received(ann)
        assert ann.accepted_subprotocol == "ebb.v1"
        assert (welcome["type"], welcome["connection"], welcome["seq"]) == ("welcome", "ann", 0)

        ann.send_text('{"type":"publish","id":"a-1","data":{"n":1}}')
        assert received(ann) == {"type": "ack", "id": "a-1", "seq": 1}
        assert bob.receive_text() == 'Client ann: {"n": 1}'


def test_a_message_in_a_room_reaches_its_members_only(client):
    with (
        client.websocket_connect("/ws/ann", subprotocols=["ebb.v1"]) as ann,
        client.websocket_connect("/ws/bob", subprotocols=["ebb.v1"]) as bob,
    ):
        received(ann)
        received(bob)
        for request in ('{"type":"join","room":"tea"}', '{"type":"publish","id":"b-1","room":"den","data":1}'):
            bob.send_text(request)
        assert received(bob)["type"] == "ack"
        ann.send_text('{"type":"publish","id":"1","room":"tea","data":"for tea"}')
        message = received(bob)
        assert (message["seq"], message["room"], message["from"], message["data"]) == (2, "tea", "ann", "for tea")
        bob.send_text('{"type":"leave","room":"tea"}')
        bob.send_text('{"type":"publish","id":"b-2","data":"all"}')
        assert received(bob)["id"] == "b-2"
        assert received(ann)["type"] == "ack"
        assert received(ann)["data"] == "all"
        ann.send_text('{"type":"publish","id":"2","room":"tea","data":"nobody"}')
        ann.send_text('{"type":"publish","id":"3","data":"everyone"}')
        assert received(bob)["data"] == "everyone"


def test_a_malformed_request_is_answered_and_the_connection_stays(client):
    with client.websocket_connect("/ws", subprotocols=["ebb.v1"]) as ann:
        received(ann)
        ann.send_text("hello")
        assert received(ann) == {
            "type": "error",
            "code": "malformed",
            "detail": "message: Invalid JSON: expected value at line 1 column 1",
        }
        ann.send_text('{"type":"publish","id":"1"}')
        assert received(ann) == {
            "type": "error",
            "code": "malformed",
            "detail": "publish.data: Field required",
            "id": "1",
        }
        ann.send_text('{"type":"publish","id":"1","data":0}')
        assert received(ann)["type"] == "ack"


def test_who_comes_back_gets_what_it_missed_its_rooms_and_its_own(client):
    with client.websocket_connect("/ws/ann", subprotocols=["ebb.v1"]) as ann:
        epoch = received(ann)["epoch"]
    assert client.post("/broadcast", json={"data": "one"}).json() == {"seq": 1}
    assert client.post("/rooms/tea/messages", json={"data": "two"}).json() == {"seq": 2}
    assert client.post("/clients/ann/messages", json={"data": "three"}).status_code == 202
    assert client.post("/clients/bob/messages", json={"data": "four"}).status_code == 202
    with client.websocket_connect(f"/ws/ann?epoch={epoch}&seq=1&room=tea", subprotocols=["ebb.v1"]) as ann:
        assert received(ann)["type"] == "welcome"
        assert received(ann) == {"type": "resumed", "epoch": epoch, "seq": 4, "replayed": 2}
        assert [received(ann)["data"] for _ in range(2)] == ["two", "three"]
        client.post("/rooms/tea/messages", json={"data": "five"})
        assert received(ann)["data"] == "five"


def test_what_has_the_same_id_is_published_once(client):
    assert [client.post("/broadcast", json={"data": n, "id": "x"}).json()["seq"] for n in (1, 2)] == [1, 1]
    assert client.post("/broadcast", json={"data": 3, "id": "y"}).json() == {"seq": 2}


def test_a_plain_client_is_in_the_rooms_that_it_named_in_its_handshake(client):
    with client.websocket_connect("/ws?room=tea") as ann:
        client.post("/rooms/tea/messages", json={"data": "hello"})
        assert ann.receive_text() == "hello"


def test_while_the_broker_is_away_everybody_is_told_so(client, monkeypatch):
    async def publish(post):
        raise BrokerUnavailable("the broker does not answer")

    broker = client.app.state.hub.broker
    monkeypatch.setattr(broker, "publish", publish)
    monkeypatch.setattr(broker, "available", False, raising=False)
    said = {"type": "error", "code": "broker_unavailable", "detail": "the broker does not answer"}
    with (
        client.websocket_connect("/ws/ann") as plain,
        client.websocket_connect("/ws/bob", subprotocols=["ebb.v1"]) as envelope,
    ):
        received(envelope)
        plain.send_text("hello")
        assert received(plain) == said
        envelope.send_text('{"type":"publish","id":"1","data":0}')
        assert received(envelope) == {**said, "id": "1"}
    answer = client.post("/broadcast", json={"data": 1})
    assert (answer.status_code, answer.json()) == (503, {"detail": "the broker does not answer"})
    assert (client.get("/ready").status_code, client.get("/health").status_code) == (503, 200)
    assert client.get("/ready").json() == {"status": "broker unavailable"}


@pytest.mark.parametrize(("data", "why"), [('"\\ud800"', "surrogates not allowed"), ("[" * 300 + "]" * 300, "depth")])
def test_what_cannot_be_sent_on_is_refused(client, data, why):
    body = f'{{"data": {data}}}'
    answer = client.post("/broadcast", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("data: ")
    assert why in answer.json()["detail"]
    assert client.post("/broadcast", json={"data": 1}).json() == {"seq": 1}


def body_of(size: int) -> bytes:
    return b'{"data":"' + b"x" * (size - 11) + b'"}'


def test_a_body_over_the_limit_is_refused_and_says_how_big_it_was():
    with TestClient(create_app(Settings(notify_interval_s=0, max_body_bytes=2000))) as client:
        answer = client.post("/broadcast", content=body_of(2001), headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()) == (413, {"detail": "body of 2001 bytes, limit 2000"})
        fits = client.post("/broadcast", content=body_of(2000), headers={"content-type": "application/json"})
        assert (fits.status_code, fits.json()) == (202, {"seq": 1})


@pytest.mark.attack
@pytest.mark.parametrize("route", ["broadcast", "rooms/tea/messages", "clients/ann/messages"])
@pytest.mark.parametrize("data", ["x" * 2000, "\0" * 400, ["é" * 999], {"a": "x" * 1999}])
def test_a_message_over_the_limit_is_refused_any_way_in(route, data):
    """A POST of 16 MB and more had 16 to 100 of 100 clients closed that read all the time."""
    settings = Settings(notify_interval_s=0, max_publish_bytes=2000)
    with TestClient(create_app(settings)) as client:
        size = len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
        answer = client.post(f"/{route}", json={"data": data})
        detail = f"data of {size} bytes as JSON, limit 2000"
        assert (answer.status_code, answer.json()) == (413, {"detail": detail})
        assert client.post(f"/{route}", json={"data": "x" * 1998}).json() == {"seq": 1}
        with client.websocket_connect("/ws", subprotocols=["ebb.v1"]) as ann, client.websocket_connect("/ws") as bob:
            assert received(ann)["type"] == "welcome"
            ann.send_text(json.dumps({"type": "publish", "id": "1", "data": data}))
            refused = {"type": "error", "code": "malformed", "detail": detail, "id": "1"}
            assert {key: value for key, value in received(ann).items() if key in refused} == refused
            bob.send_text("x" * 1999)
            assert json.loads(bob.receive_text())["detail"] == "data of 2001 bytes as JSON, limit 2000"
            assert 'ebb_limited_total{reason="size"} 3.0' in client.get("/metrics").text


@pytest.mark.attack
async def test_a_chunked_body_over_the_limit_is_refused_while_it_streams_in():
    app = create_app(Settings(notify_interval_s=0, max_body_bytes=2000))
    taken, answers = [], []

    async def receive():
        taken.append(500)
        return {"type": "http.request", "body": b"x" * 500, "more_body": True}  # without end

    async def send(message):
        answers.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/rooms/tea/messages",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"transfer-encoding", b"chunked")],
    }
    await app(scope, receive, send)
    assert answers[0]["status"] == 413
    assert json.loads(answers[1]["body"]) == {"detail": "body of at least 2500 bytes, limit 2000"}
    assert len(taken) == 5


def test_a_malformed_resume_is_refused_at_the_handshake(client):
    with pytest.raises(WebSocketDenialResponse) as caught, client.websocket_connect("/ws?epoch=e&seq=x"):
        pass
    assert caught.value.status_code == 400
    assert caught.value.text == "seq='x': Input should be a valid integer, unable to parse string as an integer\n"


def test_a_message_over_the_limit_closes_with_1009_and_says_how_big_it_was(client):
    with client.websocket_connect("/ws") as ann:
        ann.send_text("é" * 51)
        with pytest.raises(WebSocketDisconnect) as caught:
            ann.receive_text()
    assert (caught.value.code, caught.value.reason) == (1009, "message of 102 bytes, limit 100")


def test_binary_messages_close_with_1003(client):
    with client.websocket_connect("/ws") as ann:
        ann.send_bytes(b"\x00")
        with pytest.raises(WebSocketDisconnect) as caught:
            ann.receive_text()
    assert (caught.value.code, caught.value.reason) == (1003, "text messages only")


@freeze_time("2026-01-02T03:04:05Z", real_asyncio=True)
def test_a_broadcast_reaches_every_client_in_its_own_form(client):
    with (
        client.websocket_connect("/ws") as plain,
        client.websocket_connect("/ws/x", subprotocols=["ebb.v1"]) as envelope,
    ):
        received(envelope)
        response = client.post("/broadcast", json={"data": "hello"})
        assert (response.status_code, response.json()) == (202, {"seq": 1})
        assert plain.receive_text() == "hello"
        assert received(envelope) == {
            "type": "message",
            "seq": 1,
            "room": None,
            "from": None,
            "data": "hello",
            "at": "2026-01-02T03:04:05Z",
        }


def test_a_broadcast_without_data_is_refused(client):
    assert client.post("/broadcast", json={"text": "hello"}).status_code == 422


def test_readiness_metrics_and_the_page_answer(client):
    assert client.get("/ready").json() == {"status": "ready"}
    metrics = client.get("/metrics").text
    assert 'ebb_phase{phase="serving"} 1.0' in metrics
    assert "ebb_connections 0.0" in metrics
    assert "<title>Ebb</title>" in client.get("/").text


def test_an_unknown_websocket_path_is_refused(client):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/nowhere"):
        pass


def test_the_notification_comes_by_itself():
    settings = Settings(notify_interval_s=0.01, notify_text="Test notification")
    with TestClient(create_app(settings)) as client, client.websocket_connect("/ws") as ann:
        assert ann.receive_text() == "Test notification"


def test_json_messages_are_echoed(client):
    with client.websocket_connect("/ws/json") as ann:
        ann.send_text('{"action":"chat","msg":"héllo"}')
        assert ann.receive_text() == '{"status":"ok","echo":"héllo"}'


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("hello", "message: Invalid JSON: expected value at line 1 column 1"),
        ('{"action":"dance"}', "action: Input should be 'chat'"),
        ('{"action":"chat"}', "msg: Field required"),
    ],
)
def test_bad_json_is_answered_and_the_connection_stays(client, text, detail):
    with client.websocket_connect("/ws/json") as ann:
        ann.send_text(text)
        assert received(ann) == {"status": "error", "detail": detail}
        ann.send_text('{"action":"chat","msg":"still here"}')
        assert received(ann)["status"] == "ok"


def test_clients_of_json_and_heavy_hear_no_broadcasts(client):
    with client.websocket_connect("/ws/json") as json_client, client.websocket_connect("/ws") as other:
        client.post("/broadcast", json={"data": "for the others"})
        assert other.receive_text() == "for the others"
        json_client.send_text('{"action":"chat","msg":"x"}')
        assert received(json_client)["echo"] == "x"


def test_a_heavy_computation_is_answered_with_a_proof_of_work(client):
    with client.websocket_connect("/ws/heavy") as ann:
        ann.send_text("ebb")
        answer = received(ann)
    assert answer["sha256"].startswith("0000")
    assert hashlib.sha256(f"ebb:{answer['nonce']}".encode()).hexdigest() == answer["sha256"]


def test_the_loop_does_not_stall_while_a_computation_runs(client):
    with client.websocket_connect("/ws/heavy") as ann:
        for n in range(3):
            ann.send_text(f"work {n}")
        assert client.get("/health").json()["connections"] == 1
        for _ in range(3):
            assert received(ann)["status"] == "ok"
        assert "ebb_loop_lag_seconds" in client.get("/metrics").text


OFFICIAL = (
    '{"type":"draining","deadline_s":1,"deadline_at":"","reconnect_after_s":0}',
    ' {"a": 1, "\\u0074ype": "error"}',
    '{"type":"expiring","expires_in_s":1}',
)


@pytest.mark.attack
@pytest.mark.parametrize("text", OFFICIAL)
def test_a_text_that_could_be_taken_for_the_servers_own_word_is_quoted(client, text: str):
    with client.websocket_connect("/ws") as ann, client.websocket_connect("/ws") as bob:
        ann.send_text(text)
        assert json.loads(bob.receive_text()) == text
        client.post("/broadcast", json={"data": json.loads(text)})
        for each in (ann, bob):
            assert json.loads(json.loads(each.receive_text())) == json.loads(text)


OTHERS = ['{"type":"chat"}', "draining", '["draining"]', '{"type":7}', '{"type":"error"', "{" * 99]


@pytest.mark.parametrize("text", OTHERS, ids=range(len(OTHERS)))
def test_any_other_text_is_relayed_verbatim(client, text: str):
    with client.websocket_connect("/ws") as ann, client.websocket_connect("/ws") as bob:
        ann.send_text(text)
        assert bob.receive_text() == text


@pytest.mark.attack
def test_a_client_is_in_so_many_rooms_and_one_more_is_refused(client):
    with client.websocket_connect("/ws/ann?room=r-0", ["ebb.v1"]) as ann:
        assert received(ann)["type"] == "welcome"
        for n in range(101):
            ann.send_text(json.dumps({"type": "join", "room": f"r-{n}"}))
        assert received(ann) == {"type": "error", "code": "too_many_rooms", "detail": "100 rooms, limit 100"}
        client.post("/rooms/r-99/messages", json={"data": 1})
        assert received(ann)["room"] == "r-99"
