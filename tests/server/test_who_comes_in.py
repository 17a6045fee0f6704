"""The gate in front of the whole server: every route there is, with every kind of token."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from server.access.configured import check_access
from server.access.identity import Identity
from server.app import Application, create_app
from server.settings import Settings

SECRET = b"0123456789abcdef0123456789abcdef"
TOKEN = "let-me-in_please"
BODY = {"data": "hello"}


def signed(key: bytes = SECRET, **claims: Any) -> str:
    return jwt.encode({"sub": "ann", "exp": time.time() + 60, "iss": "us"} | claims, key, "HS256")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    keys = tmp_path / "keys"
    keys.write_bytes(SECRET)
    return Settings(notify_interval_s=0, auth="jwt", jwt_keys=str(keys), jwt_issuer="us")


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings)) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@contextmanager
def refused(status: int) -> Iterator[None]:
    with pytest.raises(WebSocketDenialResponse) as denied:
        yield
    assert denied.value.status_code == status, denied.value.text


# ---- Every route ----

PUBLIC = {("GET", "/"), ("GET", "/health"), ("GET", "/ready")}


def http_routes(app: Application) -> list[tuple[str, str]]:
    """Every route of HTTP, from the application itself, those of its own and those that are mounted."""
    found = []
    for route in app.routes:
        path = re.sub(r"{\w+}", "x", route.path)  # type: ignore[attr-defined]
        methods = getattr(route, "methods", None) or {"GET"}
        found += [(method, path) for method in sorted(methods)]
    return found


def websocket_routes(app: Application) -> list[str]:
    return [route.path.replace("{client_id}", "ann") for route, _ in app.admission._routes]  # type: ignore[attr-defined]


WORTHLESS = {
    "none": dict,
    "wrong": lambda: bearer("rubbish"),
    "expired": lambda: bearer(signed(exp=time.time() - 60)),
    "another issuer's": lambda: bearer(signed(iss="them")),
    "signed by another": lambda: bearer(signed(b"f" * 32)),
    "two": lambda: bearer(signed()) | {"Sec-WebSocket-Protocol": f"bearer.{signed()}"},
}


@pytest.mark.parametrize("headers", WORTHLESS.values(), ids=WORTHLESS.keys())
def test_no_route_but_the_page_and_the_probes_is_reached_without_a_token_that_is_worth_something(client, headers):
    app = client.app
    routes = http_routes(app)
    assert {("POST", "/broadcast"), ("GET", "/metrics"), ("GET", "/openapi.json"), ("GET", "/docs")} <= set(routes)
    for method, path in routes:
        if method == "HEAD":
            continue
        status = client.request(method, path, headers=headers(), json=BODY, follow_redirects=False).status_code
        if (method, path) in PUBLIC:
            assert status == 200
        elif path == "/page":
            assert client.get("/page/main.js").status_code == 200
        elif headers is not WORTHLESS["two"]:  # over HTTP a subprotocol is nothing
            assert status == 401, (method, path)
    for path in (*websocket_routes(app), "/ws/nowhere/at/all", "/elsewhere"):
        with refused(401), client.websocket_connect(path, headers=headers()):
            pass


def test_a_route_that_does_not_exist_is_not_told_from_one_that_does(client):
    assert client.get("/secret").status_code == 401
    assert client.get("/secret", headers=bearer(signed())).status_code == 404
    for path in ("http://testserver//metrics", "/metrics/", "/page", "/health/", "/./metrics"):
        assert client.get(path).status_code == 401, path


def test_with_a_token_every_route_is_reached(client):
    for method, path in http_routes(client.app):
        sent = client.request(method, path, headers=bearer(signed(names=None)), json=BODY)
        assert sent.status_code in (200, 202, 404), (method, path)  # 404: the folder of the page's files
    for path in websocket_routes(client.app):
        with client.websocket_connect(path, headers=bearer(signed())) as ann:
            ann.close()


def test_what_is_public_by_a_setting_needs_no_token(settings: Settings):
    with TestClient(create_app(settings.model_copy(update={"public": "metrics,docs"}))) as client:
        for path in ("/metrics", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
        assert client.post("/broadcast", json=BODY).status_code == 401


def test_the_refusal_says_what_is_needed_and_how(client):
    answer = client.post("/broadcast", json=BODY)
    assert answer.headers["www-authenticate"] == "Bearer"
    needed = "a token is needed: Authorization: Bearer TOKEN, or the subprotocol bearer.TOKEN"
    assert answer.json() == {"detail": needed}
    with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/ws"):
        pass
    assert (denied.value.headers["www-authenticate"], denied.value.text) == ("Bearer", f"{needed}\n")
    assert client.app.admission.refused["unauthorized"] == 1


def test_in_a_drain_the_answer_is_503_whoever_asks(client):
    client.app.state.shutdown.told_to_stop = lambda: True
    for headers in (bearer(signed()), {}):
        with refused(503), client.websocket_connect("/ws", headers=headers):
            pass


# ---- Browsers ----


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["ebb.v1", "bearer.{}"], "ebb.v1"),
        (["ebb.text", "bearer.{}"], "ebb.text"),
        (["bearer.{}", "ebb.text"], "ebb.text"),
    ],
)
def test_a_browser_shows_its_token_beside_the_subprotocol_that_is_chosen(client, offered: list[str], chosen: str):
    subprotocols = [each.format(signed()) for each in offered]
    with client.websocket_connect("/ws/ann", subprotocols=subprotocols) as ann:
        assert ann.accepted_subprotocol == chosen
        if chosen == "ebb.text":
            ann.send_text("hello")
            assert ann.receive_text() == "You said: hello"


def test_a_page_of_another_host_may_not_connect_nor_post_unless_it_is_named():
    evil = {"Origin": "https://evil.example"}
    with TestClient(create_app(Settings(notify_interval_s=0))) as client:
        with refused(403), client.websocket_connect("/ws", headers=evil):
            pass
        answer = client.post("/broadcast", json=BODY, headers=evil)
        assert (answer.status_code, answer.json()) == (403, {"detail": "pages of https://evil.example may not connect"})
        assert client.get("/health", headers=evil).status_code == 200
        with client.websocket_connect("/ws", headers={"Origin": "http://testserver"}):
            pass
    for named in ({"allowed_origins": "https://evil.example"}, {"places": "ws://testserver/ws,wss://evil.example/ws"}):
        with TestClient(create_app(Settings(notify_interval_s=0, **named))) as client:
            with client.websocket_connect("/ws", headers=evil):
                pass
            with refused(403), client.websocket_connect("/ws", headers={"Origin": "https://third.example"}):
                pass


# ---- What one may do ----


def received(peer: Any) -> Any:
    return json.loads(peer.receive_text())


@pytest.mark.attack
def test_a_name_a_session_and_a_room_that_are_not_ones_own_are_refused_before_the_upgrade(client):
    token = bearer(signed(rooms=["tea*"], sessions=["7"]))
    for path in ("/ws/bob", "/ws/session/8", "/ws/ann?room=den", "/ws?room=tea&room=den", "/ws?room=class:7b"):
        with refused(403), client.websocket_connect(path, headers=token):
            pass
    for path in ("/ws/ann?room=teapot", "/ws/session/7", "/ws?room=tea"):
        with client.websocket_connect(path, headers=token):
            pass


@pytest.mark.attack
def test_a_name_that_somebody_has_is_nobody_elses_to_take_over_who_may_have_it_too(client):
    """`/ws/ann?epoch=..&seq=0` closed the connection of ann, and had her personal messages replayed."""
    ann, eve = (bearer(signed(sub=sub, names=["a*"], sessions=["a*"])) for sub in ("ann", "eve"))
    with client.websocket_connect("/ws/ann", ["ebb.v1"], headers=ann) as first:
        epoch = received(first)["epoch"]
        with refused(403), client.websocket_connect(f"/ws/ann?epoch={epoch}&seq=0", ["ebb.v1"], headers=eve):
            pass
        with client.websocket_connect("/ws/ann", ["ebb.v1"], headers=ann), pytest.raises(WebSocketDisconnect):
            first.receive_text()
    with client.websocket_connect("/ws/session/ann", headers=ann) as session:
        session.send_text("{")
        assert received(session)["code"] == "malformed"
        with refused(403), client.websocket_connect("/ws/session/ann", headers=eve):
            pass
        session.send_text("{")
        assert received(session)["code"] == "malformed"
    for path in ("/ws/ann", "/ws/session/ann"):
        with client.websocket_connect(path, headers=eve):
            pass


def test_a_room_that_is_not_ones_own_can_neither_be_joined_nor_spoken_in(client):
    with client.websocket_connect("/ws/ann", ["ebb.v1"], headers=bearer(signed(rooms=["tea"]))) as ann:
        assert received(ann)["type"] == "welcome"
        for request in ({"type": "join"}, {"type": "publish", "id": "a-1", "data": 1}):
            for room in ("den", "class:7b"):
                ann.send_text(json.dumps(request | {"room": room}))
                refusal = {"type": "error", "code": "forbidden", "detail": f"the room '{room}' is not open to you"}
                assert received(ann) == refusal | ({"id": "a-1"} if "id" in request else {})
        ann.send_text('{"type":"join","room":"tea"}')
        ann.send_text('{"type":"publish","id":"a-2","room":"tea","data":1}')
        assert received(ann)["type"] == "ack"


@pytest.mark.attack
def test_a_session_enters_no_class_that_is_not_its_own(client):
    with client.websocket_connect("/ws/session/ann", headers=bearer(signed(rooms=["class:7b"]))) as ann:
        ann.send_text('{"type":"JOIN_CLASS","class_id":"7b"}')
        ann.send_text('{"type":"JOIN_CLASS","class_id":"8a"}')
        assert received(ann) == {"type": "ERROR", "code": "forbidden", "detail": "the class '8a' is not open to you"}
        client.post("/rooms/class:7b/messages", json=BODY, headers=bearer(signed(names=None)))
        assert ann.receive_text() == "hello"


@pytest.mark.attack
def test_without_authentication_too_nobody_asks_for_the_room_of_a_class():
    with TestClient(create_app(Settings(notify_interval_s=0))) as client:
        with refused(403), client.websocket_connect("/ws?room=class:7b"):
            pass
        with client.websocket_connect("/ws", ["ebb.v1"]) as ann:
            assert received(ann)["type"] == "welcome"
            ann.send_text('{"type":"publish","id":"a","room":"class:7b","data":"forged"}')
            assert received(ann)["code"] == "forbidden"


def test_over_http_one_speaks_in_ones_own_name_and_only_whoever_may_have_any_name_as_the_server(client):
    with client.websocket_connect("/ws/bob", ["ebb.v1"], headers=bearer(signed(sub="bob"))) as bob:
        assert received(bob)["type"] == "welcome"
        client.post("/broadcast", json=BODY, headers=bearer(signed()))
        client.post("/broadcast", json=BODY, headers=bearer(signed(names=None)))
        assert [received(bob)["from"] for _ in range(2)] == ["ann", None]
    answer = client.post("/rooms/den/messages", json=BODY, headers=bearer(signed(rooms=["tea"])))
    assert (answer.status_code, answer.json()) == (403, {"detail": "the room 'den' is not open to you"})


@pytest.mark.attack
def test_one_idempotency_key_on_two_routes_is_two_messages_and_the_servers_own_cannot_be_burnt():
    with TestClient(create_app(Settings(notify_interval_s=0))) as client:
        paths = ("/broadcast", "/rooms/tea/messages", "/rooms/den/messages", "/clients/ann/messages")
        seqs = [client.post(path, json=BODY | {"id": "a"}).json()["seq"] for path in paths * 2]
        assert seqs == [1, 2, 3, 4, 1, 2, 3, 4]
        hub = client.app.state.hub  # type: ignore[attr-defined]
        client.post("/broadcast", json=BODY | {"id": "notify/7"})
        assert client.portal is not None

        async def notify() -> int:
            seq: int = await hub.publish("Test notification", key="/notify/7")
            return seq

        assert client.portal.call(notify) == 6


@pytest.mark.attack
def test_a_notification_is_heard_whose_key_a_client_has_tried_to_use_before(monkeypatch: pytest.MonkeyPatch):
    app = create_app(Settings(notify_interval_s=0.2, messages_per_s=0))
    monkeypatch.setattr(app.state.hub.broker, "shared", True, raising=False)
    with TestClient(app) as client, client.websocket_connect("/ws/notify", ["ebb.v1"]) as eve:
        turn = int(time.time() // 0.2)
        for later in range(turn, turn + 50):
            for path in ("/broadcast", "/rooms/notify/messages", "/clients/notify/messages"):
                for name in (f"{later}", f"notify/{later}", f"/notify/{later}"):
                    client.post(path, json={"data": None, "id": name})
            eve.send_text(json.dumps({"type": "publish", "id": f"{later}", "room": "notify", "data": None}))
        client.post("/broadcast", json={"data": "burnt"})
        heard: list[Any] = []
        while "burnt" not in heard or heard[-1] != "Test notification":
            heard.append(received(eve).get("data"))
        assert int(time.time() // 0.2) < turn + 50, "too slow to say anything"


# ---- Until when ----


def test_a_token_that_expires_is_warned_of_and_then_the_client_is_closed_with_4401(client):
    expiry = client.app.gate.expiry
    with client.websocket_connect("/ws/ann", headers=bearer(signed(exp=time.time() + 30))) as ann:
        ann.send_text("hello")
        assert ann.receive_text() == "You said: hello"
        client.portal.call(expiry.look, time.time() + 16)
        assert received(ann) == {"type": "expiring", "expires_in_s": pytest.approx(14, abs=5)}
        client.portal.call(expiry.look, time.time() + 31)
        with pytest.raises(WebSocketDisconnect) as closed:
            ann.receive_text()
    assert (closed.value.code, closed.value.reason) == (4401, "token expired")
    assert not expiry._bearers


def test_a_token_is_renewed_in_band_by_one_of_the_same_subject_and_what_it_does_not_open_is_left(client):
    expiry = client.app.gate.expiry
    first = bearer(signed(exp=time.time() + 30))
    with client.websocket_connect("/ws/ann?room=tea&room=den", ["ebb.v1"], headers=first) as ann:
        assert received(ann)["type"] == "welcome"
        for token, why in (
            ("x", "the token is wrong: DecodeError"),
            (signed(sub="bob"), "the token is somebody else's"),
        ):
            ann.send_text(json.dumps({"type": "renew", "token": token}))
            assert received(ann) == {"type": "error", "code": "unauthorized", "detail": why}
        ann.send_text(json.dumps({"type": "renew", "token": signed(exp=time.time() + 600, rooms=["tea"])}))
        assert received(ann) == {"type": "renewed", "expires_in_s": pytest.approx(600, abs=5)}
        client.portal.call(expiry.look, time.time() + 31)
        for room in ("den", "tea"):
            client.post(f"/rooms/{room}/messages", json=BODY, headers=bearer(signed(names=None)))
        assert received(ann)["room"] == "tea"
        client.portal.call(expiry.look, time.time() + 601)
        with pytest.raises(WebSocketDisconnect) as closed:
            ann.receive_text()
    assert closed.value.code == 4401


# ---- Whose word it is ----


def test_a_shared_token_lets_in_whoever_has_it():
    with TestClient(create_app(Settings(notify_interval_s=0, auth="token", token=TOKEN))) as client:
        assert client.post("/broadcast", json=BODY, headers=bearer(TOKEN)).status_code == 202
        with client.websocket_connect("/ws/anybody", headers=bearer(TOKEN)):
            pass
        with refused(401), client.websocket_connect("/ws", headers=bearer(TOKEN[:-1])):
            pass


def test_an_application_says_itself_who_somebody_is():
    async def authorize(scope: Any) -> Identity | None:
        cookies = dict(scope["headers"]).get(b"cookie", b"")
        return Identity("ann", names=("ann",)) if b"session=42" in cookies else None

    with TestClient(create_app(Settings(notify_interval_s=0), authorize=authorize)) as client:
        cookie = {"Cookie": "session=42"}
        with client.websocket_connect("/ws/ann", headers=cookie):
            pass
        with refused(403), client.websocket_connect("/ws/bob", headers=cookie):
            pass
        assert client.post("/broadcast", json=BODY).status_code == 401


@pytest.mark.parametrize(
    ("settings", "host", "complaint"),
    [
        ({}, "0.0.0.0", "--host 0.0.0.0 serves everybody who can reach it, and nothing asks who they are: "),
        ({"auth": "token"}, "127.0.0.1", "SERVER_TOKEN is not set: SERVER_AUTH=token needs 16 or more of A-Z"),
        ({"auth": "token", "token": "short"}, "127.0.0.1", "SERVER_TOKEN has 5 characters"),
        ({"auth": "token", "token": "let me in, please"}, "127.0.0.1", "SERVER_TOKEN has 17 characters"),
        ({"auth": "jwt"}, "127.0.0.1", "SERVER_JWT_KEYS is not set"),
        ({"auth": "jwt", "jwt_keys": "/nowhere"}, "127.0.0.1", "SERVER_JWT_KEYS=/nowhere: No such file or directory"),
        ({"auth": "jwt", "jwt_keys": __file__}, "127.0.0.1", None),
        ({"auth": "token", "token": TOKEN}, "0.0.0.0", None),
        ({"anyone": True}, "0.0.0.0", None),
        ({}, "::1", None),
    ],
)
def test_a_setting_that_would_let_in_strangers_by_mistake_ends_startup_with_one_line(settings, host, complaint):
    if complaint is None:
        check_access(host, Settings(**settings))
        return
    with pytest.raises(SystemExit) as ended:
        check_access(host, Settings(**settings))
    assert str(ended.value).startswith(complaint)
    assert "\n" not in str(ended.value)


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("server.access.configured.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=re.escape("SERVER_AUTH=jwt needs PyJWT: pip install 'ebb-ws[jwt]'")):
        check_access("127.0.0.1", Settings(auth="jwt", jwt_keys=__file__))


def test_no_token_is_in_a_line_of_the_log_or_in_what_is_printed_of_the_settings(caplog: pytest.LogCaptureFixture):
    settings = Settings(notify_interval_s=0, auth="token", token=TOKEN)
    assert TOKEN not in repr(settings)
    caplog.set_level(logging.DEBUG)
    with TestClient(create_app(settings)) as client:
        client.post("/broadcast", json=BODY, headers=bearer(TOKEN))
        with client.websocket_connect("/ws", headers=bearer(TOKEN)):
            pass
    assert TOKEN not in caplog.text
