"""One connection: order, bounds, and who is at fault."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from server.connections.connection import Connection
from server.connections.terms import Limits
from server.drain.events import Departure
from server.messages.close_codes import CloseCode
from server.messages.frame import Frame
from tests.server.peers import InMemoryServer, Peer

pytestmark = pytest.mark.looptime


async def served(server: InMemoryServer, peer: Peer) -> Connection:
    connection = await server.connect(peer)
    await asyncio.sleep(1)
    return connection


async def test_a_slow_consumer_is_closed_with_1008_and_nobody_else_notices():
    server, slow, other = InMemoryServer(), Peer(), Peer()
    await served(server, slow)
    await served(server, other)
    slow.reading.clear()
    for n in range(40):
        await server.hub.publish(f"{n:<100}")
        await asyncio.sleep(0.01)
    slow.reading.set()
    await asyncio.sleep(1)

    assert slow.close_frame == (1008, "slow consumer: 1938 of 2000 bytes, oldest 0.2 s")
    assert len(other.heard) == 40
    assert server.hub.broadcaster.slow_consumers == 1
    assert [connection.departure for connection in server.ended] == [Departure.LEFT]


async def test_a_slow_consumer_that_never_reads_again_is_cut_off_after_the_close_timeout():
    server, slow = InMemoryServer(), Peer()
    await served(server, slow)
    slow.reading.clear()
    for _ in range(40):
        await server.hub.publish("x" * 100)
    await asyncio.sleep(9)
    assert not slow.aborted
    await asyncio.sleep(2)

    assert slow.aborted
    assert [connection.departure for connection in server.ended] == [Departure.LEFT]


async def test_nothing_is_kept_of_a_client_that_has_left():
    server, peer = InMemoryServer(), Peer()
    await served(server, peer)
    peer.leave()
    await asyncio.sleep(1)
    server.ended.clear()
    gone = weakref.ref(peer)
    del peer
    gc.collect()

    assert gone() is None


async def test_the_close_frame_follows_everything_that_was_offered_before_it_and_nothing_follows_it():
    server, peer = InMemoryServer(), Peer()
    connection = await served(server, peer)
    connection.offer(Frame.of("before"))
    connection.close(CloseCode.POLICY_VIOLATION, "enough")
    connection.offer(Frame.of("after"))
    connection.close(CloseCode.INTERNAL_ERROR)
    await asyncio.sleep(1)

    assert peer.heard == ["before"]
    assert peer.close_frame == (1008, "enough")


async def test_a_close_that_crosses_the_clients_own_counts_as_left():
    server, peer = InMemoryServer(), Peer()
    connection = await served(server, peer)
    peer.leave()
    await connection.say_goodbye(until=asyncio.get_running_loop().time() + 5)
    await asyncio.sleep(1)

    assert peer.close_frame is None
    assert connection.departure is Departure.LEFT


async def test_a_client_that_vanishes_during_its_handshake_is_forgotten():
    server, peer = InMemoryServer(), Peer(reads=False)
    await server.connect(peer)
    peer.vanish()
    await asyncio.sleep(2)

    assert len(server.hub.connections) == 0


async def test_what_a_client_sent_before_it_left_is_still_carried_out():
    server, leaver, other = InMemoryServer(), Peer(), Peer()
    await server.connect(leaver)
    await served(server, other)
    for n in range(10):
        leaver.say(f"m{n}")
    leaver.leave()
    await asyncio.sleep(2)

    assert other.heard == [f"Client peer1: m{n}" for n in range(10)]


async def test_a_failing_answer_closes_with_1011_and_is_logged(caplog, monkeypatch):
    server, peer = InMemoryServer(limits=Limits(2000, 4, 100, 10)), Peer()
    await served(server, peer)

    async def broken(*args: object, **kwargs: object) -> int:
        raise ValueError("broken on purpose")

    monkeypatch.setattr(server.hub, "publish", broken)
    peer.say("x")
    await asyncio.sleep(2)

    assert peer.close_frame == (1011, "internal error")
