"""Each attacker really does what its name says, at its pace, seen from a server and in the history."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from harness.clients.dialects import Dialect, Envelope
from harness.clients.flooders import (
    BEAT_S,
    KINDS,
    OVERSIZED_BYTES,
    DeafPinger,
    EndlessHeader,
    Flooder,
    FragmentFlooder,
    HeldHandshake,
    MessageFlooder,
    Newcomer,
    OversizedMessage,
    PingFlooder,
    PongFlooder,
    frame,
)
from harness.history.attack import ATTACKERS
from harness.history.record import History
from harness.probes.network import HOST, free_port
from tests.harness.servers import empty_history, kinds, only, until

ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
PACE = 10_000.0
BEAT_BYTES = int(PACE * BEAT_S)


class Raw:
    """The server's end of one connection: what arrived, before the answer and after it; and who is at the other."""

    attacker: Flooder

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.head = self.rest = b""
        self.ended = False

    async def serve(self, answer: bytes) -> None:
        while not self.ended:
            try:
                data = await self.reader.read(65536)
            except ConnectionResetError:
                data = b""
            self.ended = not data
            if self.head.endswith(b"\r\n\r\n"):
                self.rest += data
                continue
            self.head += data
            if self.head.endswith(b"\r\n\r\n"):
                self.writer.write(answer)


@pytest.fixture
def history() -> History:
    return empty_history()


@asynccontextmanager
async def attacked(
    kind: type[Flooder], history: History, answer: bytes = ACCEPTED, dialect: Dialect | None = None, pace: float = PACE
) -> AsyncIterator[tuple[Raw, asyncio.Task[None]]]:
    """A server under one attack."""
    served: list[Raw] = []
    done: list[bool] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(Raw(reader, writer))
        await served[-1].serve(answer)
        writer.close()
        done.append(True)

    async with await asyncio.start_server(serve, HOST, 0) as server:
        flooder = kind("odd-1", history, dialect or Dialect("odd-1"), "/ws", pace, random.Random(1))
        attack = asyncio.ensure_future(flooder.attack(server.sockets[0].getsockname()[1]))
        await until(lambda: served, "a connection")
        served[0].attacker = flooder
        try:
            yield served[0], attack
        finally:
            attack.cancel()
            served[0].writer.transport.abort()
            await until(lambda: attack.done() and done, "both ends")


def test_every_attacker_is_known_to_the_clauses_by_its_persona() -> None:
    assert {kind.persona for kind in KINDS} == set(ATTACKERS)


async def test_a_held_handshake_is_half_a_request_and_nothing_more(history: History) -> None:
    async with attacked(HeldHandshake, history) as (raw, attack):
        await until(lambda: raw.head, "half a handshake")
        await asyncio.wait([attack], timeout=2 * BEAT_S)
        assert raw.head.startswith(b"GET /ws HTTP/1.1\r\n")
        assert b"\r\n\r\n" not in raw.head
        assert kinds(history, "odd-1") == ["connecting"]
        raw.writer.write(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        raw.writer.close()
        await attack
    assert kinds(history, "odd-1") == ["connecting", "refused"]
    assert only(history, "refused").detail["status"] == 408
    assert only(history, "connecting").detail == {
        "path": "/ws",
        "persona": "half-handshake",
        "hostile": True,
        "subprotocol": None,
    }


async def test_endless_headers_are_headers_that_never_end(history: History) -> None:
    async with attacked(EndlessHeader, history) as (raw, _):
        await until(lambda: len(raw.head) > 3 * BEAT_BYTES, "more and more headers")
        assert b"\r\n\r\n" not in raw.head
        assert all(b": " in line for line in raw.head.split(b"\r\n")[1:-1])


async def test_a_newcomer_completes_its_handshake_and_is_gone(history: History) -> None:
    async with attacked(Newcomer, history) as (raw, attack):
        await attack
        await until(lambda: raw.ended, "the end")
        assert raw.rest == b""
    assert kinds(history, "odd-1") == ["connecting", "opened", "ended"]


@pytest.mark.parametrize(
    ("kind", "first", "unit"),
    [
        (PingFlooder, b"", frame(0x89, bytes(8))),
        (PongFlooder, b"", frame(0x8A, bytes(8))),
        (FragmentFlooder, frame(0x01, b""), frame(0x00, b"")),
        (DeafPinger, b"", frame(0x89, bytes(125))),
    ],
)
async def test_a_flood_is_the_same_frame_again_and_again(
    history: History, kind: type[Flooder], first: bytes, unit: bytes
) -> None:
    async with attacked(kind, history) as (raw, _):
        await until(lambda: len(raw.rest) > 3 * BEAT_BYTES, "a flood")
        flood = raw.rest.removeprefix(first)
        assert flood == (unit * (len(flood) // len(unit) + 1))[: len(flood)]


async def test_messages_are_said_in_the_dialect_each_with_a_number_of_its_own(history: History) -> None:
    async with attacked(MessageFlooder, history, dialect=Envelope("odd-1", room="mine")) as (raw, _):
        await until(lambda: raw.rest.count(b"publish") > 40, "a flood")
        assert b'"m:odd-1:0"' in raw.rest
        assert b'"m:odd-1:40"' in raw.rest
        assert raw.rest.count(b'"mine"') >= 40
    assert b"Sec-WebSocket-Protocol: ebb.v1\r\n" in raw.head


async def test_an_oversized_message_is_begun_and_never_finished(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.clients.flooders.OVERSIZED_BYTES", 2 * BEAT_BYTES)
    async with attacked(OversizedMessage, history) as (raw, attack):
        await until(lambda: len(raw.rest) >= 14 + 2 * BEAT_BYTES - 1, "all but the last byte")
        await asyncio.wait([attack], timeout=2 * BEAT_S)
        assert raw.rest[:14] == b"\x81\xff" + (2 * BEAT_BYTES).to_bytes(8) + bytes(4)
        assert len(raw.rest) == 14 + 2 * BEAT_BYTES - 1
    assert OVERSIZED_BYTES > 2**16


async def test_who_reads_no_pongs_reads_nothing_from_then_on(history: History) -> None:
    async with attacked(DeafPinger, history) as (raw, _):
        await until(lambda: raw.rest, "pings")
        raw.writer.transport.set_write_buffer_limits(high=2**24)
        raw.writer.write(bytes(400_000))
        await until(lambda: len(raw.rest) > 5 * BEAT_BYTES, "more pings")
        assert raw.writer.transport.get_write_buffer_size()


async def test_it_says_nothing_more_to_a_server_that_does_not_take_it(history: History) -> None:
    async with attacked(PingFlooder, history, pace=20_000_000.0) as (raw, attack):
        await until(lambda: raw.rest, "pings")
        raw.writer.transport.pause_reading()
        transport = raw.attacker._transport
        assert transport is not None
        await until(transport.get_write_buffer_size, "a full buffer")
        await asyncio.wait([attack], timeout=3 * BEAT_S)
        assert transport.get_write_buffer_size() <= 20_000_000 * BEAT_S


async def test_the_end_of_an_attack_is_recorded_and_it_returns(history: History) -> None:
    async with attacked(PingFlooder, history) as (raw, attack):
        await until(lambda: raw.rest, "pings")
        raw.writer.transport.abort()
        await attack
    assert kinds(history, "odd-1") == ["connecting", "opened", "ended"]


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 \r\n\r\n"])
async def test_who_answers_something_else_than_http_has_failed(history: History, answer: bytes) -> None:
    async with attacked(PingFlooder, history, answer) as (raw, attack):
        await until(lambda: kinds(history, "odd-1")[1:], "an outcome")
        raw.writer.close()
        await attack
    assert only(history, "failed").detail["error"] == "not HTTP"


async def test_where_nobody_listens_the_attack_has_failed(history: History) -> None:
    await PingFlooder("odd-1", history, Dialect("odd-1"), "/ws", PACE, random.Random(1)).attack(free_port())
    assert only(history, "failed").detail["error"] == "refused"
