"""A dialect declared as data: when a client is in, what the protocol is answered, and what a message means."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from harness.clients.client import Client
from harness.clients.crowd import Crowd, CrowdIncomplete
from harness.clients.declared_dialect import DeclaredDialect
from harness.clients.dialects import Answer, Heard, Notice, Notified, Reading
from harness.clients.hostile import HalfOpen, MidFragment, StalledReader
from harness.clients.mix import ClientFactory, ClientMix
from harness.clients.personas import Interrupted, Lingerer, Talker
from harness.history.record import History
from harness.targets.declaration import Ask, Profile
from harness.targets.talk import read
from tests.harness.servers import Served, empty_history, kinds, only, serving, until

C = TypeVar("C", bound=Client)
GRAPHQL = {
    "headers": {"Cookie": "user={client}", "User-Agent": "somebody"},
    "subprotocol": "graphql-transport-ws",
    "first": ["init", {"hear": "ack", "say": "subscribe"}, "and so on"],
    "let_in": "subscribed",
    "say": '{"id":"{n}","text":"{token}"}',
}
BINARY = {"first": [{"hex": "10 {client}"}], "let_in": r"^\x20\x02", "say": {"hex": "30 2b {token}"}}


def speaking(table: dict[str, Any], me: str = "me-1") -> DeclaredDialect:
    return DeclaredDialect(read(table), me)


def in_already(table: dict[str, Any]) -> DeclaredDialect:
    dialect = speaking(table)
    dialect.begin()
    assert dialect.is_in
    return dialect


@pytest.fixture
def history() -> History:
    return empty_history()


def test_steps_are_said_in_order_and_a_client_is_in_when_it_has_heard_what_lets_it_in() -> None:
    dialect = speaking(GRAPHQL)
    assert (dialect.begin(), dialect.is_in) == (["init"], False)
    assert (dialect.hear("something else"), dialect.is_in) == ([], False)
    assert (dialect.hear("ack"), dialect.is_in) == (["subscribe", "and so on"], False)
    assert (dialect.hear("subscribed"), dialect.is_in) == ([], True)
    assert dialect.hear("ack") is None


def test_a_declared_notice_is_read_before_a_client_is_in_too() -> None:
    dialect = speaking({"let_in": "^40", "notice": r"^going in (?P<left_s>\d+)"})
    dialect.begin()
    assert dialect.hear("going in 3") is None
    assert dialect.readings("going in 3") == [Notice(3.0, None)]
    assert (dialect.hear("40"), dialect.is_in) == ([], True)


def test_without_a_pattern_it_is_in_when_the_last_step_is_said() -> None:
    dialect = speaking({"first": [{"hear": "welcome", "say": "hello"}]})
    assert (dialect.begin(), dialect.is_in) == ([], False)
    assert (dialect.hear("welcome"), dialect.is_in) == (["hello"], True)
    assert in_already({"first": ["hello"]}).is_in


def test_one_message_may_be_a_cue_and_let_it_in() -> None:
    dialect = speaking({"first": [{"hear": "ack", "say": "subscribe"}], "let_in": "ack"})
    dialect.begin()
    assert (dialect.hear("ack"), dialect.is_in) == (["subscribe"], True)


@pytest.mark.parametrize(
    ("heard", "missing"),
    [
        ([], "'ack' was not heard; the last that was heard is nothing at all"),
        (["who are you?"], "'ack' was not heard; the last that was heard is 'who are you?'"),
        (["ack", "no"], "'subscribed' was not heard; the last that was heard is 'no'"),
    ],
)
def test_what_is_missing_is_said_with_the_last_that_was_heard(heard: list[str], missing: str) -> None:
    dialect = speaking(GRAPHQL)
    dialect.begin()
    for text in heard:
        dialect.hear(text)
    assert dialect.missing == missing


def test_keep_alive_is_answered_before_and_after_it_is_in_and_means_nothing() -> None:
    dialect = speaking({"let_in": "welcome", "keepalive": {"hear": "^2$", "say": "3"}})
    assert (dialect.hear("2"), dialect.hear("welcome"), dialect.hear("2")) == (["3"], [], ["3"])
    assert dialect.beat is None
    assert in_already({"keepalive": {"hear": "ping"}}).hear("ping") == []


def test_what_is_said_every_so_often_is_a_beat() -> None:
    dialect = in_already({"keepalive": {"every_s": 20, "say": {"hex": "c0 00"}}})
    assert dialect.beat == (20, b"\xc0\x00")
    assert in_already({"keepalive": {"hear": "ping"}}).hear("m:me-1:1") is None


@pytest.mark.parametrize(
    ("table", "text", "readings"),
    [
        ({}, '["chat","m:me-1:7"]', [Answer(7)]),
        ({}, '["m:other-2:3","m:other-2:3","m:me-1:7"]', [Heard("other-2", 3), Answer(7)]),
        ({}, "welcome", [Notified("welcome")]),
        ({}, '{"type":"draining","deadline_s":4.9,"reconnect_after_s":1}', [Notice(4.9, 1)]),
        ({"ignore": "complete"}, '{"type":"complete","id":"m:me-1:7"}', []),
        ({"ignore": "complete"}, '{"type":"next","id":"m:me-1:7"}', [Answer(7)]),
        ({"notice": "going"}, "going down", [Notice(None, None)]),
        ({"notice": "going"}, '{"type":"draining","deadline_s":4}', [Notified('{"type":"draining","deadline_s":4}')]),
        ({"notice": r"in (?P<left_s>[\w.]+) s"}, "going in 4.5 s", [Notice(4.5, None)]),
        ({"notice": r"in (?P<left_s>[\w.]+) s"}, "going in a few s", [Notified("going in a few s")]),
        ({"notice": r"in (?P<left_s>\w+) s"}, "going in ten s", [Notice(None, None)]),
        ({"notice": r"(?P<left_s>\d+) (?P<reconnect_after_s>\d+)?"}, "9 3", [Notice(9, 3)]),
        ({"notice": r"(?P<left_s>\d+) (?P<reconnect_after_s>\d+)?"}, "9 ", [Notice(9, None)]),
    ],
)
def test_a_message_means_a_notice_or_each_token_in_it_once_or_is_the_servers_own(
    table: dict[str, Any], text: str, readings: list[Reading]
) -> None:
    assert in_already(table).readings(text) == readings


def test_in_binary_a_token_has_its_full_length_whatever_follows_it() -> None:
    me, other = speaking(BINARY), speaking(BINARY, "other-2")
    heard = b"".join(bytes(each) for each in (other.say(3), other.say(4), me.say(7)))
    assert b"000000030+m:" in heard  # the next message begins with a digit
    assert me.readings(heard.decode("latin-1")) == [Heard("other-2", 3), Heard("other-2", 4), Answer(7)]


def test_ballast_stands_beside_the_token_and_has_no_room_in_a_binary_message() -> None:
    assert speaking(GRAPHQL).say(7, " xxx") == '{"id":"7","text":"m:me-1:7 xxx"}'
    assert speaking(BINARY).say(7, " xxx") == speaking(BINARY).say(7)


def test_the_second_copy_of_an_own_message_is_no_second_answer_where_the_target_sends_two() -> None:
    profile = Profile(command="{port}", dialect="twice", talk=read({}))
    (talker,) = ClientFactory(profile, Ask(), ClientMix(talkers=1), empty_history()).assemble()
    copies = [f"m:{talker.name}:7", "m:other-2:3", f"m:{talker.name}:7", f"m:{talker.name}:7"]
    assert [talker.dialect.readings(text) for text in copies] == [[Answer(7)], [Heard("other-2", 3)], [], [Answer(7)]]


@pytest.mark.parametrize("dialect", ["silent", "echo"])
def test_a_client_that_says_nothing_has_a_dialect_all_the_same(dialect: str) -> None:
    profile = Profile(command="{port}", dialect=dialect, talk=read({"say": "none"} if dialect == "echo" else {}))
    (talker,) = ClientFactory(profile, Ask(), ClientMix(talkers=1), empty_history()).assemble()
    assert (talker.dialect.converses, talker.dialect.speaks) == (True, False)


@pytest.mark.parametrize(("asked", "interval_s"), [(None, 5.0), (2.0, 0.5)])
def test_the_target_declares_how_much_its_clients_say_and_what_is_asked_comes_before_that(
    asked: float | None, interval_s: float
) -> None:
    profile = Profile(command="{port}", talk=read({"say_per_s": 0.2}))
    (talker,) = ClientFactory(profile, Ask(say_per_s=asked), ClientMix(talkers=1), empty_history()).assemble()
    assert isinstance(talker, Talker)
    assert talker.interval_s == interval_s


# On a connection


def one(persona: type[C], history: History, table: dict[str, Any]) -> C:
    name = f"{persona.persona}-1"
    return persona(name, history, speaking(table, name))


async def graphql(connection: Served) -> None:
    """Let in who says the right things, and tell everything back."""
    assert [await connection.recv() for _ in range(1)] == ["init"]
    await connection.send("ack")
    assert [await connection.recv() for _ in range(2)] == ["subscribe", "and so on"]
    await connection.send("subscribed")
    async for message in connection:
        await connection.send(message)


async def broker(connection: Served) -> None:
    """The same in binary, in frames and fragments."""
    hello = await connection.recv()
    assert isinstance(hello, bytes)
    await connection.send([b"\x20", b"\x02\xff\x00"])
    async for message in connection:
        assert isinstance(message, bytes)
        await connection.send([message[:5], message[5:]])


@pytest.mark.parametrize(("server", "table"), [(graphql, GRAPHQL), (broker, BINARY)])
async def test_a_talker_is_let_in_and_is_answered(server: Callable[..., Any], table: dict[str, Any], history: History):
    async with serving(server) as port:
        talker = one(Talker, history, table)
        talker.first_s = 0.001
        assert await talker.connect(port)
        await until(lambda: talker.answered, "an answer")
        talker.leave(1000)
        await until(lambda: talker.ended, "the end")
    assert kinds(history, "talker-1")[:5] == ["connecting", "opened", "let_in", "sent", "answered"]
    assert only(history, "connecting").detail["waits"]


async def test_headers_and_subprotocol_go_with_the_request(history: History) -> None:
    seen: list[tuple[str, ...]] = []

    async def look(connection: Served) -> None:
        assert connection.request is not None
        names = ("Cookie", "User-Agent", "Sec-WebSocket-Protocol")
        seen.append(tuple(",".join(connection.request.headers.get_all(name)) for name in names))

    async with serving(look) as port:
        await one(Lingerer, history, GRAPHQL).connect(port)
    assert seen == [("user=lingerer-1", "somebody", "graphql-transport-ws")]


async def test_who_is_never_let_in_says_what_it_was_told_and_what_it_waited_for(history: History) -> None:
    async def refuse(connection: Served) -> None:
        await connection.send("who are you?")
        await connection.close(4401, "Unauthorized")

    async with serving(refuse) as port:
        lingerer = one(Lingerer, history, GRAPHQL)
        with pytest.raises(CrowdIncomplete, match=r"never let in: closed with 4401 \(Unauthorized\): 'ack' was not"):
            await Crowd(port, [lingerer]).open()
        assert not lingerer.arrived
    assert "who are you?" in only(history, "not_let_in").detail["reason"]


async def test_who_is_left_waiting_gives_up_and_is_let_in_all_the_same_when_it_comes(history: History) -> None:
    late = asyncio.Event()

    async def hesitate(connection: Served) -> None:
        await late.wait()
        await connection.send("welcome")
        await connection.wait_closed()

    async with serving(hesitate) as port:
        lingerer = one(Lingerer, history, {"let_in": "welcome"})
        assert not await lingerer.connect(port, timeout_s=0.05)
        assert "nothing at all" in only(history, "not_let_in").detail["reason"]
        late.set()
        await until(lambda: lingerer.arrived, "to be let in")
        lingerer.tear_down()


async def test_one_that_ends_without_a_word_is_not_let_in(history: History) -> None:
    async def vanish(connection: Served) -> None:
        connection.transport.abort()

    async with serving(vanish) as port:
        assert not await one(Lingerer, history, {"let_in": "welcome"}).connect(port)


async def test_what_keeps_a_connection_alive_is_said_in_time(history: History) -> None:
    heard: list[str | bytes] = []

    async def ping(connection: Served) -> None:
        await connection.send("2")
        async for message in connection:
            heard.append(message)

    async with serving(ping) as port:
        lingerer = one(Lingerer, history, {"keepalive": {"hear": "2", "every_s": 0.01, "say": "3"}})
        await lingerer.connect(port)
        await until(lambda: len(heard) > 2, "an answer and two beats")
        lingerer.tear_down()
    assert set(heard) == {"3"}


@pytest.mark.parametrize(("server", "table"), [(graphql, GRAPHQL), (broker, BINARY)])
@pytest.mark.parametrize("persona", [StalledReader, HalfOpen])
async def test_who_does_not_read_is_let_in_first(
    persona: type[Client], server: Callable[..., Any], table: dict[str, Any], history: History
) -> None:
    async with serving(server) as port:
        client = one(persona, history, table)
        assert await client.connect(port)
        client.tear_down()
        await until(lambda: client.ended, "the end")
    assert kinds(history, client.name) == ["connecting", "opened", "let_in", "ended"]


async def test_a_message_that_is_never_finished_is_of_the_protocols_own_kind(history: History) -> None:
    heard = asyncio.Event()

    async def listen(connection: Served) -> None:
        async for part in connection.recv_streaming(decode=False):
            assert part == b"\x30\x2b"
            heard.set()

    async with serving(listen) as port:
        fragment = one(MidFragment, history, {"say": BINARY["say"]})
        await fragment.connect(port)
        await asyncio.wait_for(heard.wait(), 5)
        fragment.tear_down()


async def test_a_message_on_its_way_is_binary_where_the_protocol_is(history: History) -> None:
    read_after_close: list[bytes] = []

    async def close(connection: Served) -> None:
        await connection.close(1012)
        read_after_close.extend(connection.chunks)

    async with serving(close) as port:
        client = one(Interrupted, history, {"say": BINARY["say"]})
        await client.connect(port)
        await until(lambda: client.ended, "the end")
    assert any(chunk[0] == 0x82 for chunk in read_after_close)
