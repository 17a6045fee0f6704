"""The words of `ebb.v1`: what a client understands is what the server says, and the other way round."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from clients.python import wire
from server.messages import wire as of_server
from server.messages.wire import ServerMessage, parse, parse_arrival

AT = datetime(2026, 1, 2, tzinfo=UTC)
SAID_AT = "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("said", "understood"),
    [
        (of_server.Welcome(connection="c", epoch="e", seq=3, ping_s=20), wire.Welcome("e", 3)),
        (
            of_server.Envelope(seq=4, room="tea", sender="ann", data={"a": [1]}, at=AT),
            wire.Message(4, "tea", "ann", {"a": [1]}, SAID_AT),
        ),
        (
            of_server.Envelope(seq=4, room=None, sender=None, data=None, at=AT),
            wire.Message(4, None, None, None, SAID_AT),
        ),
        (of_server.Ack(id="a", seq=5), wire.Ack("a", 5)),
        (
            of_server.Draining(deadline_s=3, deadline_at=AT, reconnect_after_s=1.5),
            wire.Draining(3.0, SAID_AT, 1.5),
        ),
        (of_server.Resumed(epoch="e", seq=6, replayed=2), wire.Resumed("e", 6, 2)),
        (of_server.Gap(after=1, next=9, epoch="f"), wire.Gap(1, 9, "f")),
        (of_server.Refusal(code="malformed", detail="room: missing"), wire.Refusal("malformed", "room: missing", None)),
        (of_server.Refusal(code="broker_unavailable", detail="", id="a"), wire.Refusal("broker_unavailable", "", "a")),
        (of_server.Expiring(expires_in_s=60), wire.Expiring(60.0)),
        (of_server.Renewed(expires_in_s=None), wire.Renewed()),
    ],
    ids=lambda each: type(each).__name__,
)
def test_every_message_of_the_server_is_understood(said: ServerMessage, understood: wire.ServerMessage):
    assert wire.read(said.frame().text) == understood


@pytest.mark.parametrize("text", ["hello", "[1]", '{"type":"new"}', '{"type":"ack","id":1,"seq":1}', b"\xff"])
def test_what_is_not_understood_is_ignored(text: str | bytes):
    assert wire.read(text) is None


def test_the_server_understands_every_request():
    said = parse(wire.publish("a", {"x": "ä"}, "tea"))
    assert said == of_server.Publish(type="publish", id="a", room="tea", data={"x": "ä"})
    assert parse(wire.publish("a", None, None)) == of_server.Publish(type="publish", id="a", data=None)
    assert parse(wire.join("tea")) == of_server.Join(type="join", room="tea")
    assert parse(wire.leave("tea")) == of_server.Leave(type="leave", room="tea")
    assert parse(wire.renew("a.b.c")) == of_server.Renew(type="renew", token="a.b.c")


def test_the_server_understands_the_query_of_a_handshake():
    query = wire.query(("e/1", 7), {"a&b", "ä"})
    arrival = parse_arrival(parse_qsl(query.removeprefix("?")))
    assert (arrival.position, set(arrival.rooms)) == (of_server.Position(epoch="e/1", seq=7), {"a&b", "ä"})
    assert wire.query(None, ()) == ""


@pytest.mark.parametrize(
    ("id", "room", "wrong"),
    [
        ("", None, "id of 0 characters, allowed are 1 to 200"),
        ("a", "é" * 64 + "x", "room of 129 bytes, allowed are 1 to 128"),
        ("a", "b\x7f", r"room with a control character: 'b\\x7f'"),
    ],
)
def test_what_the_server_would_not_take_is_not_sent(id: str, room: str | None, wrong: str):
    with pytest.raises(ValueError, match=f"^{wrong}$"):
        wire.publish(id, None, room)


def test_data_that_is_no_json_is_not_sent():
    with pytest.raises(TypeError):
        wire.publish("a", object(), None)
    for data in (float("nan"), ["\ud800"]):
        with pytest.raises(ValueError, match=r"not JSON compliant|surrogates not allowed"):
            wire.publish("a", data, None)
    with pytest.raises(ValueError, match="surrogates not allowed"):
        wire.check_name("room", "\ud800")


def test_a_request_is_as_short_as_it_can_be():
    assert json.loads(wire.publish("a", 1, None)) == {"type": "publish", "id": "a", "data": 1}
