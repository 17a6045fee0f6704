"""Clients that come back: they move when told to, return when cut off, and what they say is said once and in order."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from harness.clients import reconnecting
from harness.clients import reconnecting_crowd as crowd_module
from harness.clients import speaker as speaker_module
from harness.clients.crowd import CrowdIncomplete
from harness.clients.received import Readings
from harness.clients.reconnecting import BACKOFF_CAP_S, ReconnectingClient, backoff_s
from harness.clients.reconnecting_crowd import ReconnectingCrowd
from harness.clients.speaker import Speaker
from harness.history.record import History
from harness.probes.network import free_port
from tests.harness.servers import Served, empty_history, serving, until

WELCOME = {"type": "welcome", "connection": "c", "epoch": "e", "seq": 0, "ping_s": None}
RESUMED = {"type": "resumed", "epoch": "e", "seq": 0, "replayed": 0}
DRAINING = {"type": "draining", "deadline_s": 5, "reconnect_after_s": 0.05}


@pytest.fixture
def history() -> History:
    return empty_history()


def message(n: int) -> dict[str, Any]:
    return {"type": "message", "seq": n, "room": None, "data": {"s": "speaker-9", "n": n}}


async def say(connection: Served, *envelopes: dict[str, Any]) -> None:
    for envelope in envelopes:
        await connection.send(json.dumps(envelope))


def path_of(connection: ServerConnection) -> str:
    assert connection.request is not None
    return connection.request.path


def one(kind: type[ReconnectingClient], history: History, ports: list[int], name: str = "r-1", seed: int = 1) -> Any:
    return kind(name, history, ports, Readings(), random.Random(seed), "/ws/{client}")


@asynccontextmanager
async def living(client: ReconnectingClient) -> AsyncIterator[None]:
    life = asyncio.ensure_future(client.live())
    try:
        yield
    finally:
        life.cancel()
        await asyncio.wait([life])
        client.keep()
        client.tear_down()
        await until(
            lambda: all(connection.over.is_set() for connection in client.standing), "the end of all connections"
        )


def told(history: History, *whats: str) -> list[tuple[str, str]]:
    return [(event.who, event.what) for event in history.events if event.what in whats]


async def test_on_a_notice_it_connects_elsewhere_first_and_leaves_once_the_new_connection_stands(
    history: History,
) -> None:
    paths: list[str] = []
    may_answer = asyncio.Event()

    async def first(connection: Served) -> None:
        await say(connection, WELCOME, message(1), DRAINING, message(2))
        await until(lambda: len(paths) == 1, "the connection elsewhere")
        await say(connection, message(3))
        may_answer.set()
        await connection.wait_closed()

    async def second(connection: Served) -> None:
        paths.append(path_of(connection))
        await say(connection, WELCOME)
        await may_answer.wait()
        await say(connection, RESUMED, message(3), message(4))
        await connection.wait_closed()

    async with serving(first) as old, serving(second) as new:
        client = one(ReconnectingClient, history, [old, new], seed=next(s for s in range(9) if begins_with(0, 2, s)))
        async with living(client):
            await until(lambda: client.log_position.seq == 4, "the last message")
            await until(lambda: len(client.standing) == 1 or client.standing[0].over.is_set(), "the old one's end")
    assert paths == ["/ws/r-1?epoch=e&seq=2"]
    assert client.log_position.applied == 4
    assert told(history, "opened", "resumed", "close_sent") == [
        *(("r-1/1", "opened"), ("r-1/2", "opened"), ("r-1/2", "resumed"), ("r-1/1", "close_sent")),
    ]
    received = {event.who: list(event.detail["n"]) for event in history.events if event.what == "received"}
    assert received == {"r-1/1": [1, 2, 3], "r-1/2": [3, 4]}


def begins_with(host: int, hosts: int, seed: int) -> bool:
    """Whether a client with these dice tries that host first."""
    return random.Random(seed).sample(range(hosts), hosts)[0] == host


async def test_after_a_cut_it_comes_back_to_where_it_stood_although_there_is_but_one_host(history: History) -> None:
    paths: list[str] = []

    async def cut(connection: Served) -> None:
        paths.append(path_of(connection))
        await say(connection, WELCOME)
        if len(paths) == 1:
            await say(connection, message(1), message(2))
            connection.transport.abort()
        else:
            await say(connection, RESUMED, message(3))
            await connection.wait_closed()

    async with serving(cut) as port:
        client = one(ReconnectingClient, history, [port])
        async with living(client):
            # The message is there a turn or two of the loop before the client goes on from it.
            await until(lambda: client.log_position.seq == 3 and client.connected, "what came after the cut")
    assert paths == ["/ws/r-1", "/ws/r-1?epoch=e&seq=2"]


async def test_a_host_that_refuses_and_one_that_is_not_there_are_tried_in_turn_until_another_takes_it(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnecting, "BACKOFF_BASE_S", 0.001)

    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(503, "draining\n")

    async def welcome(connection: Served) -> None:
        await say(connection, WELCOME)
        await connection.wait_closed()

    async with serving(welcome, refuse) as refusing, serving(welcome) as taking:
        client = one(ReconnectingClient, history, [refusing, free_port(), taking])
        async with living(client):
            await until(lambda: client.connected, "a host that takes it")
    tried = [event.detail["host"] for event in history.events if event.what == "connecting"]
    assert tried[-1] == 2
    assert len(tried) == len(set(tried))
    outcomes = dict(zip(tried, (event.what for event in history.events if event.what in ENDS), strict=True))
    assert outcomes == {host: what for host, what in enumerate(("refused", "failed", "opened")) if host in tried}


ENDS = ("opened", "refused", "failed")


async def test_a_resume_that_is_never_answered_is_taken_as_it_is(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconnecting, "ANSWERED_WITHIN_S", 0.02)
    connections: list[Served] = []

    async def silent(connection: Served) -> None:
        connections.append(connection)
        await say(connection, WELCOME)
        if len(connections) == 1:
            connection.transport.abort()
        await connection.wait_closed()

    async with serving(silent) as port:
        client = one(ReconnectingClient, history, [port])
        async with living(client):
            await until(lambda: len(connections) == 2 and client.connected, "the second arrival")
    assert path_of(connections[1]) == "/ws/r-1?epoch=e&seq=0"


@pytest.mark.parametrize(("failures", "longest_s"), [(1, 0.1), (2, 0.2), (5, 1.6), (7, BACKOFF_CAP_S), (999, 5.0)])
def test_the_backoff_doubles_up_to_a_cap(failures: int, longest_s: float) -> None:
    assert backoff_s(failures) == pytest.approx(longest_s)


def speaking(answer: Callable[[Served, dict[str, Any]], Awaitable[None]], seen: list[str]) -> Any:
    """A server that notes the ids of what is published, and answers each."""

    async def serve(connection: Served) -> None:
        await say(connection, WELCOME, RESUMED)
        try:
            async for text in connection:
                publish = json.loads(text)
                seen.append(publish["id"])
                await answer(connection, publish)
        except ConnectionClosed:
            pass

    return serve


def ack(publish: dict[str, Any]) -> dict[str, Any]:
    return {"type": "ack", "id": publish["id"], "seq": publish["data"]["n"]}


async def test_a_speaker_says_the_next_thing_once_the_one_before_is_acknowledged(history: History) -> None:
    seen: list[str] = []
    may_ack = asyncio.Event()

    async def answer(connection: Served, publish: dict[str, Any]) -> None:
        await may_ack.wait()
        await say(connection, ack(publish))

    async with serving(speaking(answer, seen)) as port:
        speaker = one(Speaker, history, [port])
        async with living(speaker):
            for _ in range(3):
                speaker.speak()
            await until(lambda: seen, "the first message")
            assert seen == ["r-1:1"]
            may_ack.set()
            await until(lambda: not speaker.unacknowledged, "all acknowledgements")
    assert seen == ["r-1:1", "r-1:2", "r-1:3"]


async def test_what_was_not_acknowledged_is_repeated_on_the_next_connection_under_the_same_id(history: History) -> None:
    seen: list[str] = []

    async def cut_at_the_second(connection: Served, publish: dict[str, Any]) -> None:
        if len(seen) == 2:
            connection.transport.abort()
        else:
            await say(connection, ack(publish))

    async with serving(speaking(cut_at_the_second, seen)) as port:
        speaker = one(Speaker, history, [port])
        async with living(speaker):
            for _ in range(3):
                speaker.speak()
            await until(lambda: not speaker.unacknowledged, "all acknowledgements")
    assert seen == ["r-1:1", "r-1:2", "r-1:2", "r-1:3"]
    published = [(e.who, e.detail["n"]) for e in history.events if e.what == "published"]
    assert published == [("r-1/1", 1), ("r-1/1", 2), ("r-1/2", 2), ("r-1/2", 3)]


async def test_what_was_refused_for_now_is_asked_again(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaker_module, "RETRY_S", 0.01)
    seen: list[str] = []

    async def refuse_twice(connection: Served, publish: dict[str, Any]) -> None:
        refusal = {"type": "error", "code": "broker_unavailable", "detail": "no answer"}
        await say(connection, refusal if len(seen) <= 2 else ack(publish))

    async with serving(speaking(refuse_twice, seen)) as port:
        speaker = one(Speaker, history, [port])
        async with living(speaker):
            speaker.speak()
            speaker.speak()
            await until(lambda: not speaker.unacknowledged, "all acknowledgements")
    assert seen == ["r-1:1", "r-1:1", "r-1:1", "r-1:2"]


async def test_a_crowd_speaks_at_its_beat_and_is_settled_once_all_is_acknowledged(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowd_module, "QUIET_S", 0.02)
    seen: list[str] = []

    async def answer(connection: Served, publish: dict[str, Any]) -> None:
        await say(connection, ack(publish))

    async with serving(speaking(answer, seen)) as port:
        crowd = ReconnectingCrowd(history, [port], clients=5, seed=1, speakers=2)
        await crowd.open()
        assert crowd.connected == 5
        crowd.begin_speaking(500.0)
        await until(lambda: len(seen) >= 20, "messages")
        assert await crowd.settle(5.0)
        await crowd.close()
    said = sum(speaker.said for speaker in crowd.speakers)
    assert len(seen) == said
    assert {name: sum(id.startswith(f"{name}:") for id in seen) for name in ("speaker-1", "speaker-2")} == {
        "speaker-1": (said + 1) // 2,
        "speaker-2": said // 2,
    }
    assert crowd.moves == 0
    assert [event.what for event in history.events if event.who == "harness"] == ["speaking", "silent"]
    assert len([event for event in history.events if event.what == "received"]) == 5


async def test_a_crowd_that_is_never_acknowledged_does_not_settle(history: History) -> None:
    async def be_silent(connection: Served, publish: dict[str, Any]) -> None:
        pass

    async with serving(speaking(be_silent, [])) as port:
        crowd = ReconnectingCrowd(history, [port], clients=1, seed=1, speakers=1)
        await crowd.open()
        crowd.begin_speaking(500.0)
        await until(lambda: crowd.speakers[0].unacknowledged, "a message")
        assert not await crowd.settle(0.1)
        await crowd.close()


async def test_a_crowd_that_cannot_connect_says_how_many(history: History) -> None:
    crowd = ReconnectingCrowd(history, [free_port()], clients=3, seed=1)
    with pytest.raises(CrowdIncomplete, match=r"3 of 3 clients could not connect in 0\.1 s"):
        await crowd.open(within_s=0.1)
    await crowd.close()
