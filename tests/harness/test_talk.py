"""How clients talk, as data: what a `[talk]` table declares, what is said about a wrong one, what is really said."""

from __future__ import annotations

import re
from typing import Any

import pytest

from harness.targets.talk import CLIENT_BYTES, TOKEN_BYTES, Cue, Hex, KeepAlive, Talk, fill, read


def test_an_empty_table_is_plain_text_whose_token_is_all_of_it():
    assert read({}) == Talk(say="{token}", first=(), headers={}, let_in=None)


def test_a_table_declares_what_is_said_and_what_is_listened_for():
    table = {
        "headers": {"Cookie": "session=1; id={client}"},
        "subprotocol": "graphql-transport-ws",
        "path": "/graphql",
        "first": ["hello", {"hear": "welcome", "say": {"hex": "82 00"}}],
        "let_in": '"ack"',
        "say": {"hex": "30 2b {token}"},
        "say_per_s": 0.5,
        "keepalive": {"hear": "^2$", "say": "3"},
        "ignore": "complete",
        "notice": r"going in (?P<left_s>\d+) s",
    }
    assert read(table) == Talk(
        headers={"Cookie": "session=1; id={client}"},
        subprotocol="graphql-transport-ws",
        path="/graphql",
        first=("hello", Cue(hear="welcome", say=Hex(hex="82 00"))),
        let_in='"ack"',
        say=Hex(hex="30 2b {token}"),
        say_per_s=0.5,
        keepalive=KeepAlive(hear="^2$", say="3"),
        ignore="complete",
        notice=r"going in (?P<left_s>\d+) s",
    )


@pytest.mark.parametrize("absent", ["none", False])
def test_a_client_that_only_listens_says_none(absent: object):
    assert read({"say": absent}) == Talk(say=None)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"frist": []}, "there is no key 'talk.frist': allowed are as, headers, subprotocol"),
        ({"headers": "Cookie"}, "talk.headers = 'Cookie' is not allowed: a table of names and texts, each of one line"),
        ({"headers": {"a b": "c"}}, "talk.headers = {'a b': 'c'} is not allowed: a table of names and texts"),
        ({"headers": {"a": "b\r\nc: d"}}, "is not allowed: a table of names and texts, each of one line"),
        ({"headers": "none"}, "talk.headers = 'none' is not allowed: a table"),
        ({"subprotocol": 3}, "talk.subprotocol = 3 is not allowed: a text"),
        ({"path": "ws"}, "talk.path = 'ws' is not allowed: a path, which begins with /"),
        ({"first": "hello"}, "talk.first = 'hello' is not allowed: a list, each a text, or { hex = "),
        ({"first": [3]}, "talk.first = [3] is not allowed: a list, each a text, or { hex = "),
        ({"first": [{"hear": "x"}]}, "or { hear = PATTERN, say = TEXT }"),
        ({"let_in": "("}, "talk.let_in = '(' is not allowed: a regular expression"),
        ({"let_in": ""}, "talk.let_in = '' is not allowed: a regular expression"),
        ({"say": ""}, "talk.say = '' is not allowed: a text, or { hex = "),
        ({"say": {"hex": "3"}}, "talk.say = {'hex': '3'} is not allowed: a text, or { hex = "),
        ({"say": {"hex": "3{token}0"}}, "with {client}, {token} or {n} between bytes"),
        ({"say": {"text": "3"}}, "talk.say = {'text': '3'} is not allowed: a text, or { hex = "),
        ({"say_per_s": 0}, "talk.say_per_s = 0 is not allowed: texts a second, above 0"),
        ({"keepalive": "2"}, "talk.keepalive = '2' is not allowed: { hear = PATTERN, say = TEXT }, or { every_s ="),
        ({"keepalive": {"say": "2"}}, "is not allowed: { hear = PATTERN, say = TEXT }, or { every_s ="),
        ({"keepalive": {"every_s": 2}}, "is not allowed: { hear = PATTERN, say = TEXT }, or { every_s ="),
        ({"notice": "(?P<left>.)"}, "a regular expression, whose groups can be left_s and reconnect_after_s"),
    ],
)
def test_a_wrong_value_is_one_line_with_its_key_and_what_is_allowed(table: dict[str, Any], complaint: str):
    with pytest.raises(ValueError, match=re.escape(complaint)) as raised:
        read(table)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("keepalive", [{"hear": "ping"}, {"every_s": 20, "say": "."}])
def test_a_connection_is_kept_alive_by_being_heard_or_by_saying_something(keepalive: dict[str, Any]):
    assert read({"keepalive": keepalive}).keepalive == KeepAlive(**keepalive)


def test_placeholders_are_filled_in_and_braces_are_left_alone():
    said = '{"id":"{n}","to":{},"text":"{token}","from":"{client}"}'
    assert fill(said, "talker-7", 3) == '{"id":"3","to":{},"text":"m:talker-7:3","from":"talker-7"}'


def test_in_a_binary_message_they_have_a_fixed_length():
    name = "talker-7".ljust(CLIENT_BYTES, "-")
    said = fill(Hex(hex=f"30 {TOKEN_BYTES:02x} {{token}} 0a {{client}}{{n}}"), "talker-7", 3)
    assert said == b"\x30\x2b" + f"m:{name}:00000003\n{name}00000003".encode()
    assert TOKEN_BYTES == len(f"m:{name}:00000003") == 0x2B


@pytest.mark.parametrize(("client", "n"), [("x" * 33, 0), ("x", 10**8)])
def test_what_does_not_fit_into_a_binary_message_is_an_error(client: str, n: int):
    with pytest.raises(ValueError, match="longer than 32 characters and 8 digits"):
        fill(Hex(hex="{token}"), client, n)
