"""The reference server over connections of our own class: each text goes to its endpoint in the turn that read it."""

from __future__ import annotations

import asyncio

import pytest

from server.connections.connection import Connection
from server.drain.events import Departure
from server.endpoints.json import Json
from server.messages.close_codes import CloseCode
from server.messages.frame import Frame
from tests.protocol.test_frames import frame
from tests.protocol.test_handshake import request
from tests.protocol.wire import Client, Served
from tests.server.peers import InMemoryServer

pytestmark = pytest.mark.looptime

CLOSED = frame(0x88, b"\x03\xe8")


class Reference:
    """The server in memory of the other tests, behind our own class. `stalls`: each answer takes a second."""

    def __init__(self) -> None:
        self.memory = InMemoryServer()
        self.served = Served(self.memory.admission, ws_ping_interval=None)

    async def client(self, name: str = "a") -> Client:
        client = self.served.client(request(f"GET /ws/{name} HTTP/1.1"))
        await turns()
        return client

    @property
    def connection(self) -> Connection:
        (connection,) = self.memory.hub.connections.values()
        return connection


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def texts(client: Client) -> list[str]:
    return [payload.decode() for opcode, payload in client.heard if opcode == 0x1]


async def test_an_answer_that_waits_for_nothing_leaves_at_the_end_of_the_turn_without_a_task(
    monkeypatch: pytest.MonkeyPatch,
):
    reference = Reference()
    client = await reference.client()
    connection = reference.connection
    connection.inbox.answer = Json(connection).on_message
    tasks = len(asyncio.all_tasks())
    client.say('{"action":"chat","msg":"hi"}')
    assert len(asyncio.all_tasks()) == tasks
    await asyncio.sleep(0)

    assert texts(client) == ['{"status":"ok","echo":"hi"}']
    client.vanish()
    await turns()


async def test_who_sends_faster_than_it_is_answered_is_held_back_by_tcp_and_loses_nothing():
    reference = Reference()
    client = await reference.client()
    connection, answered = reference.connection, []

    async def answer(text: str) -> None:
        await asyncio.sleep(1)
        answered.append(text)

    connection.inbox.answer = answer
    for n in range(20):
        if client.wire.reads:
            client.say(f"{n}")
    assert not client.wire.reads
    assert connection.inbox.received == 5  # one in hand, and as many as may wait
    await asyncio.sleep(10)

    assert client.wire.reads
    assert answered == [f"{n}" for n in range(6)]  # the one after them was in a segment of its own
    client.vanish()
    await turns()


async def test_nothing_more_is_taken_of_a_client_for_which_64_kib_wait():
    reference = Reference()
    client = await reference.client()
    connection = reference.connection
    client.wire.protocol.pause_writing()
    client.say("a")
    await turns()
    assert (connection.inbox.received, client.wire.reads) == (0, False)  # what follows waits in TCP

    client.wire.protocol.resume_writing()
    client.say("b")
    await turns()
    assert texts(client) == ["You said: a", "You said: b"]
    assert client.wire.reads
    client.vanish()
    await turns()


async def test_of_a_client_for_which_64_kib_wait_the_close_is_heard_when_we_close():
    reference = Reference()
    client = await reference.client()
    client.wire.protocol.pause_writing()
    client.send(frame(0x88, b"\x03\xe8"))
    await turns()
    assert client.close is None
    reference.connection.close(CloseCode.UNSUPPORTED_DATA)
    client.wire.protocol.resume_writing()
    await turns()

    assert client.wire.lost
    assert client.close is not None


async def test_of_a_segment_with_a_thousand_texts_a_few_are_taken_in_one_turn():
    reference = Reference()
    client = await reference.client()
    connection = reference.connection
    connection.inbox.answer = Json(connection).on_message
    client.send(frame(0x81, b"{}") * 1000)
    assert connection.inbox.received == 64
    await asyncio.sleep(1)

    assert connection.inbox.received == 1000
    assert len(texts(client)) == 1000
    client.vanish()
    await turns()


async def test_what_was_offered_leaves_before_the_answer_to_a_close_and_nothing_after_it():
    reference = Reference()
    client = await reference.client()
    connection = reference.connection
    connection.offer(Frame.of("first"))
    client.send(CLOSED)
    connection.offer(Frame.of("too late"))
    await turns()

    assert [opcode for opcode, _ in client.heard] == [0x1, 0x8]
    assert client.wire.closed
    assert [each.departure for each in reference.memory.ended] == [Departure.LEFT]
    assert not reference.memory.hub.connections


async def test_what_a_client_said_before_it_left_is_carried_out():
    reference = Reference()
    leaver, other = await reference.client("leaver"), await reference.client("other")
    leaver.send(*(frame(0x81, b"%d" % n) for n in range(3)), CLOSED)
    await asyncio.sleep(1)

    assert texts(other) == [f"Client leaver: {n}" for n in range(3)]
    other.vanish()
    await turns()


@pytest.mark.parametrize(
    ("data", "close"),
    [
        (frame(0x82, b"binary"), (1003, "text messages only")),
        (frame(0x81, b"x" * 101), (1009, "message of 101 bytes, limit 100")),
    ],
)
async def test_what_the_reference_server_does_not_take_closes(data: bytes, close: tuple[int, str]):
    client = await Reference().client()
    client.send(data)
    await turns()

    assert client.close == close
    client.vanish()
    await turns()


async def test_a_close_of_ours_waits_for_its_answer_and_counts_as_closed():
    reference = Reference()
    client = await reference.client()
    connection = reference.connection
    assert connection.quiet
    await connection.close_now(asyncio.get_running_loop().time() + 5)
    assert client.close == (1012, "service restart")
    client.say("too late")
    client.send(frame(0x88, b"\x03\xf4"))
    await turns()

    assert [each.departure for each in reference.memory.ended] == [Departure.CLOSED]
    assert connection.inbox.received == 0


async def test_a_close_that_is_not_answered_is_cut_off_after_its_close_timeout():
    reference = Reference()
    client = await reference.client()
    reference.connection.close(CloseCode.POLICY_VIOLATION, "enough")
    await asyncio.sleep(9)
    assert not client.wire.aborted
    await asyncio.sleep(2)

    assert client.close == (1008, "enough")
    assert client.wire.aborted


async def test_a_handler_that_is_cancelled_cuts_its_client_off():
    reference = Reference()
    client = await reference.client()
    (task,) = reference.served.state.tasks
    task.cancel()
    await turns()

    assert client.wire.aborted
    assert not reference.served.state.tasks
    assert not reference.memory.hub.connections
