"""The words on the wire, to the letter."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from server.messages.close_codes import MEANINGS, CloseCode
from server.messages.history import Message, Post
from server.messages.wire import (
    Ack,
    Arrival,
    Draining,
    Form,
    Gap,
    Join,
    Leave,
    Malformed,
    Position,
    Publish,
    Refusal,
    Resumed,
    Welcome,
    parse,
    parse_arrival,
)

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            Welcome(connection="c-1", epoch="e", seq=7, ping_s=20),
            '{"type":"welcome","connection":"c-1","epoch":"e","seq":7,"ping_s":20.0}',
        ),
        (Ack(id="x", seq=8), '{"type":"ack","id":"x","seq":8}'),
        (Gap(after=3, next=9, epoch="e"), '{"type":"gap","after":3,"next":9,"epoch":"e"}'),
        (Resumed(epoch="e", seq=9, replayed=2), '{"type":"resumed","epoch":"e","seq":9,"replayed":2}'),
        (Refusal(code="malformed", detail="no"), '{"type":"error","code":"malformed","detail":"no"}'),
        (
            Draining(deadline_s=5, deadline_at=AT, reconnect_after_s=1.5),
            '{"type":"draining","deadline_s":5.0,"deadline_at":"2026-01-02T03:04:05Z","reconnect_after_s":1.5}',
        ),
    ],
)
def test_what_the_server_says(said, text):
    assert said.frame().text == text


def test_a_message_is_an_envelope_or_plain_text():
    message = Message(1, Post(sender="c-1", data="hi", at=AT))

    assert json.loads(message.encode(Form.ENVELOPE).text) == {
        "type": "message",
        "seq": 1,
        "room": None,
        "from": "c-1",
        "data": "hi",
        "at": "2026-01-02T03:04:05Z",
    }
    assert message.encode(Form.PLAIN).text == "hi"


def test_other_data_reaches_plain_clients_as_json_text():
    assert Message(1, Post(data={"a": "é"}, at=AT)).encode(Form.PLAIN).text == '{"a": "é"}'


def test_plain_clients_read_who_spoke_when_the_sender_has_a_name():
    assert Message(1, Post(sender="ann", data="hi", at=AT, named=True)).encode(Form.PLAIN).text == ("Client ann: hi")


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ('{"type":"publish","id":"1","data":{"a":1}}', Publish(type="publish", id="1", data={"a": 1})),
        ('{"type":"publish","id":"1","room":"r","data":null}', Publish(type="publish", id="1", room="r", data=None)),
        ('{"type":"join","room":"r"}', Join(type="join", room="r")),
        ('{"type":"leave","room":"r"}', Leave(type="leave", room="r")),
    ],
)
def test_what_a_client_may_say(text, request_):
    assert parse(text) == request_


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("hello", "message: Invalid JSON"),
        ("[]", "message: Input should be"),
        ('{"type":"shout"}', "does not match any of the expected tags: 'publish', 'join', 'leave'"),
        ('{"type":"publish","data":1}', "publish.id: Field required"),
        ('{"type":"publish","id":"","data":1}', "publish.id: String should have at least 1 character"),
        ('{"type":"join","room":"' + "r" * 201 + '"}', "join.room: String should have at most 200 characters"),
        ('{"type":"leave","room":"r","x":1}', "leave.x: Extra inputs are not permitted"),
    ],
)
def test_what_is_no_request_is_named(text, complaint):
    with pytest.raises(Malformed) as caught:
        parse(text)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_resume_and_rooms_ride_on_the_query():
    assert parse_arrival([("epoch", "e"), ("seq", "12"), ("room", "a"), ("x", "y"), ("room", "b")]) == Arrival(
        position=Position(epoch="e", seq=12), rooms=("a", "b")
    )
    assert parse_arrival([("room", "a")]) == Arrival(rooms=("a",))
    assert parse_arrival([]) == Arrival()


@pytest.mark.parametrize(
    ("text", "id"),
    [
        ('{"type":"publish","id":"a"}', "a"),
        (r'{"type":"publish","id":"a","data":"\ud800"}', "a"),  # half of a pair: pydantic reads none of it
        (r'{"type":"publish","id":"\ud800"}', None),
        ('{"type":"publish","id":1,"data":1}', None),
        (f'{{"type":"publish","id":"{"a" * 201}","data":1}}', None),
        ('{"type":"join","room":""}', None),
        ('["a"]', None),
        ("[" * 100_000, None),
        ("hello", None),
    ],
)
def test_what_is_malformed_is_known_by_its_id_where_that_can_be_read(text: str, id: str | None):
    with pytest.raises(Malformed) as caught:
        parse(text)
    assert caught.value.id == id


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ([("seq", "12")], "epoch=None: Input should be a valid string"),
        ([("epoch", "e")], "seq=None: Input should be a valid integer"),
        ([("epoch", "e"), ("seq", "many")], "seq='many': Input should be a valid integer"),
        ([("epoch", "e"), ("seq", "-1")], "seq='-1': Input should be greater than or equal to 0"),
        ([("room", "")], "rooms='': String should have at least 1 character"),
        ([("room", "a")] * 101, "rooms="),
    ],
)
def test_a_malformed_arrival_is_named(query, complaint):
    with pytest.raises(Malformed) as caught:
        parse_arrival(query)
    assert complaint in str(caught.value)


def test_every_close_code_has_its_meaning():
    assert set(MEANINGS) == set(CloseCode)
    assert MEANINGS[CloseCode.SERVICE_RESTART] == ("service restart", True)
