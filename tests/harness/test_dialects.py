"""What each dialect says, and what it makes of a text."""

from __future__ import annotations

import json

import pytest

from harness.clients.dialects import DIALECTS, Answer, Dialect, Envelope, Heard, Notice, Notified, Reading


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("m:me-1:7", Answer(7)),
        ("You said: m:me-1:7", Answer(7)),
        ("Client other-2: m:other-2:3", Heard("other-2", 3)),
        ('{"data": "m:broadcast:4"}', Heard("broadcast", 4)),
        ("Test notification", Notified("Test notification")),
        ('a chat about "draining"', Notified('a chat about "draining"')),
        ('{"type":"draining","deadline_s":4.9,"reconnect_after_s":1}', Notice(4.9, 1)),
        ('{"type": "draining", "deadline_s": 4.9}', Notice(4.9, None)),
        (
            '{"type": "draining", "deadline_s": "soon"}',
            Notified('{"type": "draining", "deadline_s": "soon"}'),
        ),
    ],
)
@pytest.mark.parametrize("name", ["broadcast", "echo", "silent"])
def test_plain_text_is_read_by_the_token_in_it(name: str, text: str, reading: Reading) -> None:
    assert DIALECTS[name]("me-1").read(text) == reading


def test_of_two_copies_of_an_own_message_the_first_is_the_answer() -> None:
    twice = DIALECTS["twice"]("me-1")
    heard = ["m:me-1:7", "m:other-2:3", "Client 1: m:me-1:7", "m:me-1:7", "m:other-2:3"]
    other = Heard("other-2", 3)
    assert [twice.read(text) for text in heard] == [Answer(7), other, None, Answer(7), other]


@pytest.mark.parametrize(
    ("envelope", "reading"),
    [
        ({"type": "ack", "id": "m:me-1:7", "seq": 9}, Answer(7)),
        ({"type": "ack", "id": "somebody else's", "seq": 9}, None),
        ({"type": "message", "seq": 9, "data": "m:other-2:3"}, Heard("other-2", 3)),
        ({"type": "message", "seq": 9, "data": {"text": "m:other-2:3"}}, Heard("other-2", 3)),
        ({"type": "message", "seq": 9, "data": "Test notification"}, Notified("Test notification")),
        ({"type": "draining", "deadline_s": 5, "reconnect_after_s": 0.5}, Notice(5, 0.5)),
        ({"type": "welcome", "connection": "c", "epoch": "e", "seq": 1}, None),
        ({"type": "resumed", "epoch": "e", "seq": 1, "replayed": 0}, None),
        (["not", "an", "object"], None),
    ],
)
def test_an_envelope_is_read_by_its_type(envelope: object, reading: Reading) -> None:
    assert Envelope("me-1").read(json.dumps(envelope)) == reading


def test_a_dialect_in_which_nothing_is_said_to_be_let_in_lets_a_client_in_at_once() -> None:
    dialect = Dialect("me-1")
    assert (dialect.converses, dialect.is_in, dialect.missing, dialect.beat) == (False, True, "", None)
    assert (dialect.begin(), dialect.hear("m:me-1:7"), dialect.readings("m:me-1:7")) == ([], None, [Answer(7)])


def test_what_is_said_carries_the_token() -> None:
    assert Dialect("me-1").say(7) == "m:me-1:7"
    assert json.loads(Envelope("me-1").say(7)) == {"type": "publish", "id": "m:me-1:7", "data": "m:me-1:7"}
    assert json.loads(Envelope("me-1", room="mine").say(7))["room"] == "mine"
    assert json.loads(Envelope("me-1", room="mine").join()) == {"type": "join", "room": "mine"}
    assert not DIALECTS["silent"].speaks
