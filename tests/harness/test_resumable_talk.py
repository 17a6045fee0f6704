"""Clients of others' servers that come back: what they remember, what they say when they resume, what they received."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from harness.clients.received import Readings
from harness.clients.reconnecting import ReconnectingClient
from harness.clients.reconnecting_crowd import ReconnectingCrowd
from harness.clients.resumable_talk import Remembered, TalkingConnection
from harness.clients.speaker import Speaker
from harness.history.record import History
from harness.targets.declaration import Profile
from harness.targets.talk import Talk, read
from tests.harness.servers import Served, empty_history, kinds, only, serving, until

BY_QUERY = read({"remember": [r"^(?P<seq>\d+) "], "resume": "?last={seq}"})
BY_FIRST = read(
    {
        "first": [{"hear": "^hello", "say": "join"}],
        "let_in": "^in$",
        "remember": ["^hello (?P<who>.+)$", r"^(?P<at>\d+) "],
        "resume": {
            "headers": {"X-Who": "{who}"},
            "first": ["I am {client}", {"hear": "^hello", "say": '{"who":"{who}","at":{at}}'}, {"hex": "01"}],
        },
    }
)


@pytest.fixture
def history() -> History:
    return empty_history()


def readings() -> Readings:
    known = Readings()
    known.senders += ["speaker-1", "speaker-2"]
    return known


def test_who_has_heard_nothing_has_nothing_to_go_on_from_and_the_last_that_was_heard_counts():
    remembered = Remembered(BY_QUERY)
    assert remembered.resume_from is None
    for text in ("7 m:speaker-1:1", "nothing", "9 m:speaker-1:2"):
        remembered.hear(text)
    assert BY_QUERY.resumed(remembered.values) == ("?last=9", BY_QUERY)
    assert remembered.resume_from == ("", 0)


def test_a_query_is_encoded_and_what_is_said_is_not():
    said = BY_FIRST.resumed({"who": "a b/ü", "at": "3"})
    assert said is not None
    query, talk = said
    assert query == ""
    assert talk.headers == {"X-Who": "a b/ü"}
    assert talk.first[0] == "I am {client}"
    assert talk.first[1].say == '{"who":"a b/ü","at":3}'  # type: ignore[union-attr]  # it is a cue
    assert talk.first[2] == BY_FIRST.resuming.first[2]  # type: ignore[union-attr,index]  # it resumes with these
    assert BY_QUERY.resumed({"seq": "5:0 &"}) == ("?last=5%3A0%20%26", BY_QUERY)
    assert read({}).resumed({"seq": "1"}) is None


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"resume": "?last={seq}"}, "talk.resume names seq, which no pattern of talk.remember has as a group"),
        ({"remember": ["x"]}, r"a list of regular expressions, each with a named group: \(\?P<seq>...\)"),
        ({"resume": {"frist": []}}, 'a text that is added to the path, as "\\?last={seq}", or a table'),
    ],
)
def test_a_wrong_declaration_is_one_line(table: dict[str, Any], complaint: str):
    with pytest.raises(ValueError, match=complaint) as raised:
        read(table)
    assert "\n" not in str(raised.value)


async def one(history: History, talk: Talk, port: int, remembered: Remembered, path: str = "/ws") -> TalkingConnection:
    connection = TalkingConnection("r-1/1", history, path, "r-1", 2, readings(), remembered)
    assert await connection.connect(port)
    return connection


async def test_it_says_where_it_stands_in_its_path_and_keeps_what_speakers_said(history: History):
    paths = []

    async def serve(connection: Served) -> None:
        assert connection.request is not None
        paths.append(connection.request.path)
        for text in ("8 m:speaker-2:4", "9 m:talker-1:1", "10 m:speaker-1:1"):
            await connection.send(text)
        await connection.send('{"type": "draining", "deadline_s": 5, "reconnect_after_s": 0.5}')
        await connection.close(1001)

    remembered = Remembered(BY_QUERY)
    remembered.hear("7 ")
    async with serving(serve) as port:
        connection = await one(history, BY_QUERY, port, remembered, "/ws?room=1")
        await until(connection.over.is_set, "the end of the connection")

    assert paths == ["/ws?room=1&last=7"]
    connecting = only(history, "connecting").detail
    assert (connecting["position"], connecting["answers"]) == (("", 0), False)
    received = only(history, "received").detail
    assert [list(received[name]) for name in ("seq", "sender", "n")] == [[0, 0], [1, 0], [4, 1]]
    assert received["senders"] == ["speaker-1", "speaker-2"]
    assert remembered.values == {"seq": "10"}
    assert connection.reconnect_at.result() == pytest.approx(only(history, "notice").t + 0.5)


async def test_it_has_arrived_when_it_is_let_in_and_what_came_before_counts(history: History):
    heard = []

    async def serve(connection: Served) -> None:
        heard.append(await connection.recv())
        await connection.send("hello again")
        heard.append(await connection.recv())
        heard.append(await connection.recv())
        await connection.send("4 m:speaker-1:2")
        await connection.send("in")
        await connection.wait_closed()

    remembered = Remembered(BY_FIRST)
    for text in ("hello ann", "3 m:speaker-1:1"):
        remembered.hear(text)
    async with serving(serve) as port:
        connection = await one(history, BY_FIRST, port, remembered)
        assert connection.arrival.result() is True
        assert heard == ["I am r-1", '{"who":"ann","at":3}', b"\x01"]
        connection.tear_down()
        await until(connection.over.is_set, "the end of the connection")

    assert kinds(history, "r-1/1") == ["connecting", "opened", "welcome", "ended", "received"]
    assert list(only(history, "received").detail["n"]) == [2]
    assert only(history, "welcome").detail["frames"] == 1


async def test_it_is_kept_alive(history: History):
    heard = []

    async def serve(connection: Served) -> None:
        async for text in connection:
            heard.append(text)

    talk = read({"keepalive": {"every_s": 0.01, "say": "ping"}})
    async with serving(serve) as port:
        connection = await one(history, talk, port, Remembered(talk))
        await until(lambda: len(heard) > 2, "the third ping")
        connection.tear_down()
        await until(connection.over.is_set, "the end of the connection")
    assert set(heard) == {"ping"}


async def test_a_speaker_says_each_message_once_whatever_becomes_of_it_and_resumes_after_a_cut(history: History):
    heard: list[tuple[str, str]] = []

    async def serve(connection: Served) -> None:
        assert connection.request is not None
        await connection.send("3 m:speaker-2:1")
        async for text in connection:
            heard.append((connection.request.path, str(text)))
            if len(heard) == 2:
                connection.transport.abort()

    async with serving(serve) as port:
        speaker = Speaker("speaker-1", history, [port], readings(), random.Random(1), "/ws/{client}", BY_QUERY)
        life = asyncio.ensure_future(speaker.live())
        await until(lambda: speaker.connected and speaker.log_position.applied == 1, "the first connection")
        speaker.speak()
        speaker.speak()
        await until(lambda: speaker.arrivals == 2, "the second connection")
        speaker.speak()
        await until(lambda: len(heard) == 3, "what is said on it")
        life.cancel()
        await asyncio.wait([life])
        speaker.tear_down()
        await until(lambda: all(each.over.is_set() for each in speaker.standing), "the end of all connections")

    first, second = "/ws/speaker-1", "/ws/speaker-1?last=3"
    assert heard == [(first, "m:speaker-1:1"), (first, "m:speaker-1:2"), (second, "m:speaker-1:3")]
    assert not speaker.unacknowledged
    assert not [event for event in history.events if event.what == "acked"]


def test_a_crowd_talks_as_its_target_declares_and_says_no_more_than_that_allows():
    talk = BY_QUERY.model_copy(update={"say_per_s": 0.5})
    crowd = ReconnectingCrowd.of(Profile(ws="/{client}/{number}", talk=talk), empty_history(), [1], 30, 7)
    assert {type(client.log_position) for client in crowd.clients} == {Remembered}
    assert (crowd.clients[0]._path, crowd.clients[29]._path) == ("/speaker-1/1", "/reconnecting-30/30")
    assert crowd.readings.senders == [f"speaker-{n}" for n in range(1, 11)]
    assert crowd._most_per_s == 5.0
    ours = ReconnectingCrowd.of(Profile(envelopes=True, talk=talk), empty_history(), [1], 3, 7)
    assert not any(isinstance(client.log_position, Remembered) for client in ours.clients)
    assert isinstance(ours.clients[0], ReconnectingClient)
