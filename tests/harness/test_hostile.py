"""Each hostile persona really does what its name says, seen from a server and in the history."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest
from websockets.exceptions import ConnectionClosed

from harness.clients.client import Client
from harness.clients.dialects import Dialect
from harness.clients.hostile import (
    CloseIgnorer,
    HalfHandshake,
    HalfOpen,
    MidFragment,
    PingIgnorer,
    Resetter,
    SilentPeer,
    StalledReader,
)
from harness.clients.personas import Quitter
from harness.history.record import History
from harness.probes.network import HOST
from tests.harness.servers import Served, empty_history, kinds, only, serving, until

C = TypeVar("C", bound=Client)
CHUNK = "x" * 10_000
NOTICE = json.dumps({"type": "draining", "deadline_s": 5.0, "reconnect_after_s": 0.1})
MANY = 40  # chunks: more than a stalled link buffers, less than a server that waits for nobody


@pytest.fixture
def history() -> History:
    return empty_history()


def one(persona: type[C], history: History) -> C:
    name = f"{persona.persona}-1"
    return persona(name, history, Dialect(name))


def unsent_bytes(connection: Served) -> int:
    return connection.transport.get_write_buffer_size()


@pytest.mark.parametrize("persona", [StalledReader, HalfOpen, PingIgnorer, CloseIgnorer, HalfHandshake, SilentPeer])
def test_who_does_not_read_or_answer_is_hostile(persona: type[Client]) -> None:
    assert persona.hostile


@pytest.mark.parametrize("persona", [MidFragment, Resetter, Quitter])
def test_who_reads_and_answers_is_not_hostile_however_odd(persona: type[Client]) -> None:
    assert not persona.hostile


@asynccontextmanager
async def flooded(persona: type[C], history: History) -> AsyncIterator[tuple[C, Served]]:
    """A client that was sent a notice and 400 kB, and the server's end of its connection."""
    ends: list[Served] = []

    async def flood(connection: Served) -> None:
        ends.append(connection)
        connection.transport.set_write_buffer_limits(high=2**24)
        for text in (NOTICE, *[CHUNK] * MANY):
            await connection.send(text)
        await connection.wait_closed()

    async with serving(flood) as port:
        client = one(persona, history)
        await client.connect(port)
        await until(lambda: ends, "the server's end of the connection")
        yield client, ends[0]
        client.tear_down()


async def test_a_stalled_readers_window_closes_and_the_server_cannot_send(history: History) -> None:
    async with flooded(StalledReader, history) as (_, connection):
        stuck_at = -1
        while (unsent := unsent_bytes(connection)) != stuck_at:
            stuck_at = unsent
            await asyncio.wait([asyncio.ensure_future(connection.wait_closed())], timeout=0.3)
        assert unsent > MANY * len(CHUNK) / 2
    assert "notice" not in kinds(history, "stalled-reader-1")


async def test_a_stalled_reader_asks_for_what_it_will_not_read(history: History) -> None:
    seen: list[str] = []

    async def listen(connection: Served) -> None:
        async for text in connection:
            seen.append(str(text))

    async with serving(listen) as port:
        stalled = one(StalledReader, history)
        await stalled.connect(port)
        await until(lambda: len(seen) == StalledReader.asks, "everything that it asks")
        stalled.tear_down()
    assert [text.split()[0] for text in seen] == [f"m:stalled-reader-1:{n}" for n in range(StalledReader.asks)]
    assert all(len(text) > len(StalledReader.ballast) for text in seen)


async def test_a_half_open_peers_kernel_takes_everything_and_nobody_answers(history: History) -> None:
    async with flooded(HalfOpen, history) as (_, connection):
        await until(lambda: unsent_bytes(connection) == 0, "a server that has sent everything")
        pong = await connection.ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(pong), 0.2)
    assert kinds(history, "half-open-1") == ["connecting", "opened", "ended"]


@pytest.mark.parametrize("persona", [StalledReader, HalfOpen])
async def test_who_did_not_read_sees_how_it_ended_and_records_nothing_else(
    history: History, persona: type[Client]
) -> None:
    async with flooded(persona, history) as (client, connection):
        connection.transport.abort()
        client.look_again()
        await until(lambda: client.ended, "the end of the connection")
    told = [what for what in kinds(history, client.name) if what != "sent"]
    assert told == ["connecting", "opened", "ended"]


async def test_a_ping_ignorer_answers_a_close_but_no_ping(history: History) -> None:
    async def ping(connection: Served) -> None:
        pong = await connection.ping()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(pong), 0.2)
        await connection.close(1012)

    async with serving(ping) as port:
        ignorer = one(PingIgnorer, history)
        await ignorer.connect(port)
        await until(lambda: ignorer.ended, "the end of the connection")
    assert only(history, "close_sent").detail == {"code": 1012, "ours": False}


async def test_a_close_ignorer_reads_the_close_frame_and_leaves_it_unanswered(history: History) -> None:
    async def close(connection: Served) -> None:
        await connection.send(NOTICE)
        connection.protocol.send_close(1012)
        connection.send_data()
        await until(lambda: "close_received" in kinds(history, "close-ignorer-1"), "the close frame")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.wait_closed(), 0.2)
        connection.transport.abort()

    async with serving(close) as port:
        ignorer = one(CloseIgnorer, history)
        await ignorer.connect(port)
        await until(lambda: ignorer.ended, "the end of the connection")
    assert kinds(history, "close-ignorer-1") == ["connecting", "opened", "notice", "close_received", "ended"]


async def test_half_a_handshake_stops_in_the_middle_of_the_request(history: History) -> None:
    received = b""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        received = await reader.read(4096)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.2)
        writer.transport.abort()

    async with await asyncio.start_server(take, HOST, 0) as server:
        half = one(HalfHandshake, history)
        await half.connect(server.sockets[0].getsockname()[1])
        assert half.arrived
        assert not half.opened
        await until(lambda: half.ended, "the end of the connection")
    assert received.startswith(b"GET /ws HTTP/1.1\r\n")
    assert b"\r\n\r\n" not in received
    assert kinds(history, "half-handshake-1") == ["connecting", "failed"]


async def test_a_silent_peer_connects_and_sends_not_one_byte(history: History) -> None:
    accepted: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with pytest.raises(TimeoutError):
            accepted.append(await asyncio.wait_for(reader.read(1), 0.2))
        writer.transport.abort()

    async with await asyncio.start_server(take, HOST, 0) as server:
        silent = one(SilentPeer, history)
        await silent.connect(server.sockets[0].getsockname()[1])
        assert silent.arrived
        assert not silent.opened
        await until(lambda: silent.ended, "the end of the connection")
    assert accepted == []
    assert kinds(history, "silent-peer-1") == ["connecting", "failed"]


async def test_mid_fragment_never_finishes_its_sentence_but_reads_and_answers(history: History) -> None:
    async def wait_and_close(connection: Served) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(connection.recv(), 0.2)
        await (await connection.ping())
        await connection.send(NOTICE)
        await connection.close(1012)

    async with serving(wait_and_close) as port:
        fragment = one(MidFragment, history)
        await fragment.connect(port)
        await until(lambda: fragment.ended, "the end of the connection")
    told = kinds(history, "mid-fragment-1")
    assert told == ["connecting", "opened", "notice", "close_received", "close_sent", "ended"]


async def test_a_resetter_vanishes_by_reset_at_its_own_moment(history: History) -> None:
    ends: list[BaseException | None] = []

    async def listen(connection: Served) -> None:
        connection_lost = connection.connection_lost
        # the library's own method, listened to
        connection.connection_lost = lambda exc: (ends.append(exc), connection_lost(exc))  # type: ignore[method-assign, assignment]
        with pytest.raises(ConnectionClosed):
            await connection.recv()

    async with serving(listen) as port:
        resetter = one(Resetter, history)
        resetter.vanishes_s = 0.1
        await resetter.connect(port)
        resetter.on_signal()
        await until(lambda: resetter.ended and ends, "the end of the connection")
    assert isinstance(ends[0], ConnectionResetError)
    assert only(history, "ended").detail == {"how": "local"}
    assert only(history, "ended").t - only(history, "opened").t >= 0.095


async def test_a_quitter_asks_for_work_and_does_not_wait_for_it(history: History) -> None:
    async def listen(connection: Served) -> None:
        async for _ in connection:
            pass

    async with serving(listen) as port:
        quitter = one(Quitter, history)
        quitter.leaves_s = 0.05
        await quitter.connect(port)
        quitter.on_signal()
        await until(lambda: quitter.ended, "the end of the connection")
    assert kinds(history, "quitter-1").count("sent") == Quitter.asks
    assert only(history, "close_sent").detail == {"code": 1000, "ours": True}


async def test_a_stalled_reader_that_cannot_connect_leaves_no_socket_open(history: History) -> None:
    with socket.socket() as nobody:
        nobody.bind((HOST, 0))
        assert not await one(StalledReader, history).connect(nobody.getsockname()[1])
    assert only(history, "failed").detail == {"error": "refused"}
