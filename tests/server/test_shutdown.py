"""The way of a shutdown, with real durations on a virtual clock: half an hour takes milliseconds."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from freezegun import freeze_time

from server.brokers.memory import MemoryBroker
from server.connections.connection import Connection
from server.drain import shutdown
from server.drain.events import DrainTerms, Phase
from server.messages.history import Post
from tests.server.peers import InMemoryServer, Peer, WSProtocol

pytestmark = pytest.mark.looptime


def now() -> float:
    return asyncio.get_running_loop().time()


def report(server: InMemoryServer) -> dict:
    return json.loads(server.shutdown.report())


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", "ebb")
    return caplog


@pytest.fixture
def slow_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drain of half an hour looks up once a second instead of twenty times: 36,000 turns of a loop take a while."""
    monkeypatch.setattr(shutdown, "TICK_S", 1.0)


@pytest.mark.usefixtures("slow_tick")
async def test_a_lingerer_is_told_at_once_and_closed_after_half_an_hour():
    server, lingerer = InMemoryServer(), Peer()
    await server.connect(lingerer)
    await asyncio.sleep(1)
    started = now()

    await server.shutdown.drain()

    assert len(lingerer.notices) == 1
    assert lingerer.notices[0]["deadline_s"] == 1800
    assert lingerer.close_frame == (1012, "service restart")
    assert 1800 <= lingerer.close_frame_at - started < 1801.1
    account = report(server)
    assert (account["present"], account["left"], account["closed"], account["aborted"]) == (1, 0, 1, 0)


async def test_it_is_over_as_soon_as_the_last_client_has_left():
    server, guest = InMemoryServer(), Peer()
    await server.connect(guest)
    draining = asyncio.create_task(server.shutdown.drain())
    await asyncio.sleep(60)
    guest.leave()
    left_at = now()

    await draining

    assert now() - left_at < 0.2
    assert guest.close_frame is None
    assert report(server)["left"] == 1


async def test_with_nobody_there_it_is_over_at_once():
    server, started = InMemoryServer(), now()

    await server.shutdown.drain()

    assert (server.shutdown.phase, now()) == (Phase.STOPPED, started)


@freeze_time("2026-01-02T03:00:00Z", real_asyncio=True)
async def test_the_notice_names_the_deadline_by_the_wall_clock():
    server, guest = InMemoryServer(), Peer()
    await server.connect(guest)
    draining = asyncio.create_task(server.shutdown.drain())
    await asyncio.sleep(1)
    guest.leave()
    await draining

    assert datetime.fromisoformat(guest.notices[0]["deadline_at"]) == datetime(2026, 1, 2, 3, 30, tzinfo=UTC)


@pytest.mark.usefixtures("slow_tick")
async def test_a_client_is_served_while_the_server_drains():
    server, ann, bob = InMemoryServer(), Peer(), Peer()
    await server.connect(ann)
    await server.connect(bob)
    draining = asyncio.create_task(server.shutdown.drain())
    await asyncio.sleep(900)
    ann.say("still there?")
    await asyncio.sleep(1)
    ann.leave()
    bob.leave()
    await draining

    assert ann.heard[-1] == "You said: still there?"
    assert bob.heard[-1] == "Client peer1: still there?"


async def test_what_a_client_has_said_is_answered_before_its_close_frame():
    server, talker = InMemoryServer(DrainTerms(drain_timeout_s=10)), Peer()
    await server.connect(talker)
    draining = asyncio.create_task(server.shutdown.drain())
    await asyncio.sleep(9.99)
    for n in range(30):
        talker.say(f"m{n}")
    await draining

    assert [text for text in talker.heard if text.startswith("You said")] == [f"You said: m{n}" for n in range(30)]
    assert talker.close_frame == (1012, "service restart")


async def test_what_is_broadcast_in_the_turns_before_a_close_frame_goes_before_it():
    server, talker = InMemoryServer(DrainTerms(drain_timeout_s=10)), WSProtocol()
    await server.connect(talker)
    draining = asyncio.create_task(server.shutdown.drain())
    while server.shutdown.phase is not Phase.EVICTING:
        await asyncio.sleep(0.01)
    accepted: list[bytes] = []
    while talker.close_frame is None:
        if len(accepted) < 20:
            talker.say("and I?")  # it is not quiet when its turn comes
        said = f"b{len(accepted)}."
        await server.hub.publish(said)
        if talker.close_frame is None:
            accepted.append(said.encode())
        await asyncio.sleep(0)
    await draining

    assert len(accepted) > 20
    assert [each for each in accepted if each not in talker.wire] == []


class Behind(MemoryBroker):
    """Accepts at once; delivers when it catches up, as where the log is elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self._behind: list[Post] = []

    async def publish(self, post: Post) -> int:
        self._behind.append(post)
        return len(self._behind)

    async def catch_up(self) -> None:
        for post in self._behind:
            await super().publish(post)


async def test_what_was_accepted_for_a_client_goes_before_its_close_frame_wherever_the_log_is():
    server, ann = InMemoryServer(DrainTerms(drain_timeout_s=10), broker=Behind()), Peer()
    await server.connect(ann)
    draining = asyncio.create_task(server.shutdown.drain())
    await asyncio.sleep(5)
    await server.hub.publish("accepted")
    await draining
    assert ann.heard[-1] == "accepted"
    assert ann.close_frame == (1012, "service restart")


async def test_clients_are_closed_though_it_fails_to_catch_up(caplog: pytest.LogCaptureFixture):
    async def fail() -> None:
        raise AssertionError("not on purpose")

    server, ann = InMemoryServer(DrainTerms(drain_timeout_s=10)), Peer()
    server.broker.catch_up = fail
    await server.connect(ann)
    await server.shutdown.drain()
    assert ann.close_frame == (1012, "service restart")
    assert "AssertionError('not on purpose') at " in caplog.text


async def test_a_client_that_never_answers_its_close_frame_is_cut_off_after_the_close_timeout():
    server, ignorer = InMemoryServer(DrainTerms(drain_timeout_s=10, close_timeout_s=5)), Peer(answers_close=False)
    await server.connect(ignorer)
    started = now()

    await server.shutdown.drain()

    assert ignorer.aborted
    assert 15 <= now() - started < 15.2
    account = report(server)
    assert (account["closed"], account["aborted"]) == (0, 1)


async def test_a_stalled_reader_delays_nobodys_notice_and_is_cut_off():
    server, stalled, reader = InMemoryServer(DrainTerms(drain_timeout_s=10, close_timeout_s=5)), Peer(), Peer()
    await server.connect(stalled)
    await server.connect(reader)
    await asyncio.sleep(1)
    stalled.reading.clear()
    await server.hub.publish("in the way")
    await server.shutdown.drain()

    assert len(reader.notices) == 1
    assert reader.close_frame == (1012, "service restart")
    assert stalled.aborted
    account = report(server)
    assert (account["closed"], account["aborted"]) == (1, 1)


@pytest.mark.parametrize("fault", [{"reads": False}, {"answers_close": False}])
async def test_on_a_server_that_gives_no_transport_the_handler_of_a_hostile_client_is_ended_instead(fault):
    server, hostile, guest = InMemoryServer(DrainTerms(drain_timeout_s=10, close_timeout_s=3)), Peer(**fault), Peer()
    hostile.send = partial(hostile.send)  # no longer a method of the protocol
    await server.connect(guest)
    serving = server.start_connection(hostile, "hostile")
    await asyncio.sleep(0)
    started = now()

    await server.shutdown.drain()
    await serving  # it was cut off, and that is no error

    assert 13 <= now() - started < 13.2
    assert guest.close_frame == (1012, "service restart")
    account = report(server)
    assert (account["left"], account["closed"], account["aborted"]) == (0, 1, 1)


async def test_a_client_that_reads_its_backlog_late_still_gets_everything_and_a_goodbye():
    server, late = InMemoryServer(DrainTerms(drain_timeout_s=10, close_timeout_s=5)), Peer()
    await server.connect(late)
    await asyncio.sleep(1)
    late.reading.clear()
    draining = asyncio.create_task(server.shutdown.drain())
    await asyncio.sleep(9)
    for n in range(5):
        await server.hub.publish(f"b{n}")
    await asyncio.sleep(4)
    late.reading.set()
    await draining

    assert [text for text in late.heard if text.startswith("b")] == [f"b{n}" for n in range(5)]
    assert late.close_frame == (1012, "service restart")
    assert not late.aborted


@pytest.mark.parametrize("breaks", ["tell", "close_now", "say_goodbye", "abort"])
async def test_what_goes_wrong_with_some_clients_costs_the_others_nothing_and_two_lines(
    breaks: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    works = getattr(Connection, breaks)

    def fail(connection: Connection, *arguments: Any) -> Any:
        if connection.name in ("bad", "worse"):
            connection.tcp.abort()
            raise AssertionError("not on purpose")
        return works(connection, *arguments)

    server = InMemoryServer(DrainTerms(drain_timeout_s=10, close_timeout_s=5))
    clients = {
        name: WSProtocol() if breaks == "close_now" else Peer() for name in ("ann", "bad", "bob", "worse", "zoe")
    }
    for name, peer in clients.items():
        peer.answers_close = breaks != "abort"
        await server.connect(peer, name)
    await asyncio.sleep(1)
    monkeypatch.setattr(Connection, breaks, fail)
    await server.shutdown.drain()

    assert [clients[name].close_frame for name in ("ann", "bob", "zoe")] == [(1012, "service restart")] * 3
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors[0].startswith("a connection is cut off, and the stop goes on: AssertionError('not on purpose') at ")
    assert errors[1:] == ["2 connections were cut off because something was raised"]


async def test_evictions_are_paced():
    server = InMemoryServer(DrainTerms(drain_timeout_s=10, evict_per_s=10))
    peers = [Peer() for _ in range(50)]
    for peer in peers:
        await server.connect(peer)

    await server.shutdown.drain()

    moments = [peer.close_frame_at for peer in peers]
    assert moments == sorted(moments)
    assert max(sum(start <= at < start + 1 for at in moments) for start in moments) <= 20
    assert 4 < moments[-1] - moments[0] < 6


async def test_an_operator_ends_it_early():
    server, lingerer = InMemoryServer(), Peer()
    await server.connect(lingerer)
    draining = asyncio.create_task(server.shutdown.drain())
    await asyncio.sleep(5)
    server.shutdown.take_force = lambda: True
    await draining

    assert lingerer.close_frame == (1012, "service restart")
    assert report(server)["forced"] is True


async def test_a_process_that_was_told_to_stop_counts_as_draining_before_the_drain_begins():
    server = InMemoryServer()
    server.shutdown.told_to_stop = lambda: True

    assert server.shutdown.phase is Phase.DRAINING


async def test_one_line_a_phase_and_one_every_ten_seconds(caplog):
    server, lingerer = InMemoryServer(DrainTerms(drain_timeout_s=25)), Peer()
    await server.connect(lingerer)

    await server.shutdown.drain()

    assert caplog.messages == [
        "draining: 1 connections left, 25.0 s at most",
        "draining: 1 connections left, 15.0 s at most",
        "draining: 1 connections left, 5.0 s at most",
        "evicting: 1 connections left, 10.0 s at most",
        "stopped: 0 connections left, 0.0 s at most",
    ]
