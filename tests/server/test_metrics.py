"""What a scrape says: of a process alone, and of all that share a port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import WebSocketDenialResponse

from server.app import create_app
from server.drain.events import DrainTerms
from server.limits.tally import Tally
from server.metrics.numbers import LoopLag, Numbers
from server.metrics.siblings import SUFFIX, Siblings
from server.settings import Settings
from tests.server.peers import InMemoryServer, Peer

Values = dict[str, float]


def values(text: str) -> Values:
    """Every sample of a scrape, by its name and labels as they are written."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(notify_interval_s=0))) as client:
        yield client


def of_alone(server: InMemoryServer) -> Values:
    return values(generate_latest(Numbers(server.hub, server.shutdown, server.admission, LoopLag(), Tally())).decode())


# ---- One process ----


def test_messages_in_and_out_are_counted_also_of_clients_that_are_gone(client: TestClient):
    with client.websocket_connect("/ws") as ann:
        with client.websocket_connect("/ws") as bob, client.websocket_connect("/ws/json") as json:
            for text in ("one", "two"):
                bob.send_text(text)
                assert ann.receive_text() == text
            json.send_text('{"action":"chat","msg":"x"}')
            json.receive_text()
        client.post("/broadcast", json={"data": "three"})
        assert ann.receive_text() == "three"
        seen = values(client.get("/metrics").text)

    assert (seen["ebb_messages_received_total"], seen["ebb_messages_sent_total"]) == (3, 4)
    assert seen["ebb_published_total"] == 3
    assert seen["ebb_fanout_seconds_count"] == seen["ebb_broker_lag_seconds_count"] == 3


@pytest.mark.looptime
async def test_a_fan_out_is_counted_once_for_each_broadcast_however_many_clients_it_has_or_none():
    server = InMemoryServer()
    for _ in range(5):
        await server.connect(Peer())
    await server.hub.publish("a")
    await server.hub.publish("b")
    await server.hub.publish("c", room="nobody's")
    await server.hub.publish("d", to="peer3")
    await asyncio.sleep(1)

    seen = of_alone(server)
    assert (seen["ebb_fanout_seconds_count"], seen["ebb_messages_sent_total"]) == (4, 11)


@pytest.mark.looptime
async def test_what_the_log_held_before_a_client_came_is_late_for_nobody():
    server = InMemoryServer()
    await server.hub.publish("before")
    await server.connect(Peer())
    await server.hub.publish("after")

    assert of_alone(server)["ebb_broker_lag_seconds_count"] == 1


@pytest.mark.looptime
async def test_the_bytes_that_wait_are_those_of_all_clients_and_of_the_one_with_the_most():
    server, stalled = InMemoryServer(), Peer()
    await server.connect(stalled)
    await server.connect(Peer())
    await asyncio.sleep(1)
    stalled.reading.clear()
    for _ in range(3):  # the writer holds one of them
        await server.hub.publish("x" * 98)
        await asyncio.sleep(1)

    seen = of_alone(server)
    assert seen["ebb_outbox_bytes"] == seen["ebb_outbox_most_bytes"] == 2 * 100
    assert seen["ebb_messages_sent_total"] == 6


@pytest.mark.looptime
async def test_a_slow_consumer_is_counted_and_what_it_missed_is_not():
    server, stalled = InMemoryServer(), Peer()
    await server.connect(stalled)
    await asyncio.sleep(1)
    stalled.reading.clear()
    for _ in range(30):
        await server.hub.publish("x" * 98)
        await asyncio.sleep(0.1)

    seen = of_alone(server)
    assert (seen["ebb_slow_consumers_total"], seen["ebb_messages_sent_total"]) == (1, 21)


@pytest.mark.looptime
async def test_a_drain_counts_how_its_clients_left_and_whom_it_refused():
    server, leaver = InMemoryServer(DrainTerms(drain_timeout_s=5)), Peer()
    await server.connect(leaver)
    await server.connect(Peer())
    await server.connect(Peer(answers_close=False))
    draining = asyncio.ensure_future(server.shutdown.drain())
    await asyncio.sleep(1)
    server.start_connection(Peer(), "late")
    leaver.leave()
    await draining

    seen = of_alone(server)
    assert [seen[f'ebb_drain_departures_total{{how="{how}"}}'] for how in ("left", "closed", "aborted")] == [1, 1, 1]
    assert seen['ebb_refused_total{reason="draining"}'] == 1
    assert seen['ebb_phase{phase="stopped"}'] == 1


def test_a_handshake_that_cannot_be_read_is_refused_as_malformed(client: TestClient):
    with pytest.raises(WebSocketDenialResponse), client.websocket_connect("/ws?seq=x"):
        pass

    assert values(client.get("/metrics").text)['ebb_refused_total{reason="malformed"}'] == 1


# ---- Several processes ----


@contextlib.asynccontextmanager
async def worker(number: int, folder: Path) -> AsyncIterator[tuple[InMemoryServer, Siblings]]:
    """One of several on a port, which all run in this process."""
    server = InMemoryServer()
    server.shutdown.worker = number
    siblings = Siblings(Numbers(server.hub, server.shutdown, server.admission, LoopLag(), Tally()), folder)
    async with siblings.serving():
        yield server, siblings


async def scraped(siblings: Siblings) -> Values:
    return values((await siblings.exposition()).decode())


def of(name: str, number: int, process: int = os.getpid(), more: str = "") -> str:
    return f'{name}{{{more}process="{process}",worker="{number}"}}'


async def test_one_scrape_sees_every_worker_whichever_is_asked_and_also_one_that_drains(tmp_path: Path):
    async with worker(1, tmp_path) as (server, one), worker(2, tmp_path) as (other, two):
        await server.connect(Peer())
        for _ in range(2):
            await other.connect(Peer())
        draining = asyncio.ensure_future(other.shutdown.drain())
        await asyncio.sleep(0)
        seen = [await scraped(each) for each in (one, two)]
        draining.cancel()
        text = (await one.exposition()).decode()

    for each in seen:
        assert (each[of("ebb_connections", 1)], each[of("ebb_connections", 2)]) == (1, 2)
        assert each[of("ebb_phase", 1, more='phase="serving",')] == 1
        assert each[of("ebb_phase", 2, more='phase="draining",')] == 1
        assert each[of("ebb_worker_up", 1)] == each[of("ebb_worker_up", 2)] == 1
    names = [family.name for family in text_string_to_metric_families(text)]
    assert len(names) == len(set(names)), "each family once, as the format has it"


async def test_a_worker_that_does_not_answer_is_left_out_and_said_to_be_silent(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as stuck:
        stuck.bind(str(tmp_path / f"2-99{SUFFIX}"))
        stuck.listen()
        async with worker(1, tmp_path) as (_, one):
            seen = await scraped(one)

    assert (seen[of("ebb_worker_up", 1)], seen[of("ebb_worker_up", 2, 99)]) == (1, 0)
    assert of("ebb_connections", 1) in seen
    assert [name for name in seen if 'worker="2"' in name] == [of("ebb_worker_up", 2, 99)]


@pytest.mark.parametrize("answer", [b"", b'ebb_connections{worker="2"} 1'])
async def test_an_answer_that_was_cut_short_is_none(tmp_path: Path, answer: bytes):
    async def cut_short(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(cut_short, tmp_path / f"2-99{SUFFIX}"), worker(1, tmp_path) as (_, one):
        seen = await scraped(one)

    assert seen[of("ebb_worker_up", 2, 99)] == 0
    assert 'ebb_connections{worker="2"}' not in seen


async def test_a_worker_that_was_killed_is_forgotten_and_its_socket_removed(tmp_path: Path):
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(tmp_path / f"2-99{SUFFIX}"))
        killed.listen()
    async with worker(1, tmp_path) as (_, one):
        seen = await scraped(one)
        left = [each.name for each in tmp_path.iterdir()]

    assert not any('worker="2"' in name for name in seen)
    assert left == [f"1-{os.getpid()}{SUFFIX}"]


async def test_nothing_is_left_behind_of_one_that_ends_also_where_its_folder_is_gone_before_it(tmp_path: Path):
    folder = tmp_path / "private"
    folder.mkdir()
    async with worker(1, folder):
        async with worker(2, folder):
            assert len(list(folder.iterdir())) == 2
        assert len(list(folder.iterdir())) == 1
        for each in folder.iterdir():
            each.unlink()
        folder.rmdir()


async def test_without_a_folder_a_line_says_so_and_a_scrape_has_the_numbers_of_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    async with worker(1, tmp_path / "missing") as (_, one):
        seen = await scraped(one)

    assert seen['ebb_connections{worker="1"}'] == 0
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/missing/1-{os.getpid()}{SUFFIX}: No such file or directory;"
        " a scrape has the numbers of one process only"
    ]
