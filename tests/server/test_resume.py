"""Who comes back misses nothing and hears nothing twice, or is told what is lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from server.brokers.broker import Deliver, Lost
from server.brokers.memory import MemoryBroker
from server.connections.terms import Limits
from server.messages.history import Message, Post
from server.messages.wire import Arrival, Position
from server.resume import Resume
from tests.server.peers import InMemoryServer, Peer

pytestmark = pytest.mark.looptime

ROOMY = Limits(outbox_bytes=1_000_000, inbox_messages=4, message_bytes=100, close_timeout_s=10)


def back(server: InMemoryServer, seq: int, *rooms: str, epoch: str | None = None) -> Arrival:
    return Arrival(position=Position(epoch=epoch or server.broker.epoch, seq=seq), rooms=rooms)


async def settled() -> None:
    await asyncio.sleep(1.5)


def said(peer: Peer, *kinds: str) -> list[dict[str, Any]]:
    return [each for each in peer.envelopes if each["type"] in (kinds or ("message",))]


def data(peer: Peer) -> list[Any]:
    return [each["data"] for each in said(peer)]


async def test_a_client_that_comes_back_hears_what_it_missed_and_then_what_is_new():
    server, peer = InMemoryServer(), Peer()
    for n in range(1, 6):
        await server.hub.publish(n)
    await server.connect(peer, arrival=back(server, 2))
    await settled()
    await server.hub.publish(6)
    await settled()

    assert [each["type"] for each in peer.envelopes] == ["welcome", "resumed", *["message"] * 4]
    assert said(peer, "resumed") == [{"type": "resumed", "epoch": server.broker.epoch, "seq": 5, "replayed": 3}]
    assert [each["seq"] for each in said(peer)] == [3, 4, 5, 6]


@pytest.mark.parametrize(("missed", "tasks"), [(20, 0), (2000, 1)])
async def test_who_missed_little_is_brought_up_to_date_in_the_turn_in_which_it_comes_back(
    missed: int, tasks: int, monkeypatch: pytest.MonkeyPatch
):
    server, peer, runs = InMemoryServer(limits=ROOMY, history=5000), Peer(), []
    run = Resume.run
    monkeypatch.setattr(Resume, "run", lambda self: runs.append(self) or run(self))
    for n in range(missed):
        await server.hub.publish(f"{n:060}")
    await server.connect(peer, arrival=back(server, 0))
    await settled()

    assert len(runs) == tasks
    assert [each["seq"] for each in said(peer)] == list(range(1, missed + 1))
    assert said(peer, "resumed")[0]["replayed"] == missed


async def test_nothing_is_lost_or_doubled_at_the_seam_while_messages_go_on_arriving():
    server, peer = InMemoryServer(limits=ROOMY, history=5000), Peer()
    for n in range(3000):
        await server.hub.publish(f"{n:060}")
    await server.connect(peer, arrival=back(server, 0))
    for n in range(3000, 4000):
        await server.hub.publish(f"{n:060}")
        await asyncio.sleep(0)
    await settled()

    assert [each["seq"] for each in said(peer)] == list(range(1, 4001))
    assert 3000 <= said(peer, "resumed")[0]["replayed"] < 4000


async def test_rooms_and_personal_messages_are_replayed_to_whom_they_were_for_and_nobody_hears_itself():
    server, ann, bob = InMemoryServer(), Peer(), Peer()
    here = await server.connect(Peer(), "ann")
    await settled()
    await server.hub.publish("tea", room="tea")
    await server.hub.publish("coffee", room="coffee")
    await server.hub.publish("for ann", to="ann")
    await server.hub.publish("for bob", to="bob")
    await server.hub.publish("said by ann", sender=here)
    await server.connect(ann, "ann", back(server, 0, "tea"))
    await server.connect(bob, "bob", back(server, 0))
    await settled()
    await server.hub.publish("more tea", room="tea")
    await server.hub.publish("more for bob", to="bob")
    await settled()

    assert data(ann) == ["tea", "for ann", "more tea"]
    assert data(bob) == ["for bob", "said by ann", "more for bob"]


async def test_what_is_gone_is_a_gap_and_what_is_left_is_replayed():
    server, peer = InMemoryServer(history=3), Peer()
    for n in range(1, 11):
        await server.hub.publish(n)
    await server.connect(peer, arrival=back(server, 1))
    await settled()
    await server.hub.publish("new")
    await settled()

    gap = {"type": "gap", "after": 1, "next": 8, "epoch": server.broker.epoch}
    assert [each["type"] for each in peer.envelopes] == ["welcome", "gap", *["message"] * 4]
    assert (said(peer, "gap"), data(peer)) == ([gap], [8, 9, 10, "new"])


@pytest.mark.parametrize(("seq", "epoch"), [(1, "another log"), (900, None)])
async def test_what_cannot_be_resumed_is_a_gap_and_live_from_there(seq, epoch):
    server, peer = InMemoryServer(history=3), Peer()
    for n in range(1, 11):
        await server.hub.publish(n)
    last = server.hub.history.last
    await server.connect(peer, arrival=back(server, seq, epoch=epoch))
    await settled()
    await server.hub.publish("new")
    await settled()

    gap = {"type": "gap", "after": seq, "next": last + 1, "epoch": server.broker.epoch}
    assert [each["type"] for each in peer.envelopes] == ["welcome", "gap", "message"]
    assert (said(peer, "gap"), data(peer)) == ([gap], ["new"])


async def conversation(server: InMemoryServer) -> None:
    """What people say beside a flood: 1 to all, 2 in a room, 3 for ann."""
    await server.hub.publish("for all", speaker="bob")
    await server.hub.publish("tea", room="tea", speaker="bob")
    await server.hub.publish("for ann", to="ann", speaker="bob")


@pytest.mark.attack
async def test_a_flood_into_a_room_takes_nothing_from_anybody_else():
    """10,100 messages to an empty room in 0.6 s: everybody's history was gone, personal messages were lost."""
    server, ann, there = InMemoryServer(limits=ROOMY, history=1000), Peer(), Peer()
    await conversation(server)
    for n in range(2000):
        await server.hub.publish(n, room="empty", speaker="mallory")
    await server.connect(ann, "ann", back(server, 0, "tea"))
    await server.connect(there, "eve", back(server, 2, "empty"))
    await settled()

    assert [each["type"] for each in ann.envelopes] == ["welcome", "resumed", *["message"] * 3]
    assert data(ann) == ["for all", "tea", "for ann"]
    assert [(gap["after"], gap["next"]) for gap in said(there, "gap")] == [(2, 1007)]
    assert data(there) == list(range(1003, 2000))
    assert server.hub.history.evicted == {"full": 0, "share": 1003}


@pytest.mark.attack
async def test_a_flood_to_everybody_is_a_gap_in_the_flood_alone():
    server, ann = InMemoryServer(limits=ROOMY, history=1000), Peer()
    await conversation(server)
    for n in range(2000):
        await server.hub.publish(n, speaker="mallory")
        if n == 1990:
            await conversation(server)
    await server.connect(ann, "ann", back(server, 0, "tea"))
    await settled()

    assert [each["type"] for each in ann.envelopes[:7]] == ["welcome", "resumed", *["message"] * 3, "gap", "message"]
    assert said(ann, "resumed")[0]["replayed"] == len(data(ann))
    assert [(gap["after"], gap["next"]) for gap in said(ann, "gap")] == [(3, 1010)]
    assert data(ann) == [
        *["for all", "tea", "for ann"],
        *range(1006, 1991),
        *["for all", "tea", "for ann"],
        *range(1991, 2000),
    ]


async def test_what_cannot_be_read_from_the_log_is_a_gap_and_costs_nothing_else():
    server, ann = InMemoryServer(), Peer()
    await conversation(server)
    server.hub._lose(5)
    server.hub._deliver(Message(6, Post(data="six", at=datetime.now(UTC))))
    await server.connect(ann, "ann", back(server, 0, "tea"))
    await settled()

    assert [each["type"] for each in ann.envelopes] == ["welcome", "resumed", *["message"] * 3, "gap", "message"]
    assert [(gap["after"], gap["next"]) for gap in said(ann, "gap")] == [(3, 6)]
    assert data(ann) == ["for all", "tea", "for ann", "six"]


async def test_a_process_that_is_behind_is_given_a_second_to_hear_what_the_client_has_heard():
    server, peer = InMemoryServer(), Peer()
    await server.hub.publish("old")
    await server.connect(peer, arrival=back(server, 2))
    await asyncio.sleep(0.5)
    assert said(peer, "resumed", "gap") == []
    await server.hub.publish("known to the client")
    await server.hub.publish("new")
    await settled()

    assert (len(said(peer, "resumed")), data(peer)) == (1, ["new"])


async def test_listening_begins_with_what_is_published_after_it_also_within_one_turn_of_the_event_loop():
    server, peer = InMemoryServer(), Peer()
    connection = await server.connect(peer, arrival=back(server, 9))  # waits a second for number 9, and listens then
    await asyncio.sleep(0.5)
    await server.hub.publish("before")
    server.hub.subscribe(connection)
    await server.hub.publish("after")
    await asyncio.sleep(0.1)

    assert data(peer) == ["after"]


async def test_what_is_trimmed_while_a_slow_client_is_brought_up_to_date_is_a_gap():
    server, peer = InMemoryServer(limits=ROOMY, history=2000), Peer()
    for n in range(2000):
        await server.hub.publish(f"{n:080}")
    await server.connect(peer, arrival=back(server, 0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    peer.reading.clear()
    await asyncio.sleep(1)
    for n in range(2000, 5000):
        await server.hub.publish(f"{n:080}")
    peer.reading.set()
    await settled()

    (gap,) = said(peer, "gap")
    before = [each["seq"] for each in said(peer) if each["seq"] <= gap["after"]]
    after = [each["seq"] for each in said(peer) if each["seq"] > gap["after"]]
    assert before == list(range(1, gap["after"] + 1))
    assert after == list(range(gap["next"], server.hub.history.last + 1))


async def test_a_loss_in_the_log_and_a_new_log_are_told_to_everyone_at_once():
    server, peer, plain = InMemoryServer(), Peer(), Peer()
    await server.connect(peer, arrival=Arrival())
    await server.connect(plain)
    await settled()
    await server.hub.publish("one")
    post = Post(data="nine", at=datetime.now(UTC))
    server.hub._deliver(Message(9, post))
    server.broker.epoch = "new"
    server.hub._lose(0)
    server.hub._deliver(Message(1, post))
    await settled()

    gaps = [(gap["after"], gap["next"]) for gap in said(peer, "gap")]
    assert (gaps, [each["seq"] for each in said(peer)]) == ([(1, 9), (9, 1)], [1, 9, 1])
    assert plain.heard == ["one", "nine", "nine"]


async def test_a_new_log_of_the_same_length_is_another_position():
    hub = InMemoryServer().hub
    before = hub.position()
    hub.broker.epoch = "another log"

    assert hub.position() == Position(epoch="another log", seq=before.seq)


async def test_what_cannot_be_encoded_takes_no_number():
    server, peer = InMemoryServer(), Peer()
    await server.connect(peer, arrival=Arrival())
    await settled()
    with pytest.raises(UnicodeEncodeError):
        await server.hub.publish("\ud800")
    await server.hub.publish("next")
    await settled()

    assert [each["seq"] for each in said(peer)] == [1]
    assert said(peer, "gap") == []


async def test_the_same_publish_again_is_applied_once_also_from_another_connection_of_the_same_name():
    server, first, second, other = InMemoryServer(), Peer(), Peer(), Peer()
    await server.connect(other)
    await server.connect(first, "ann", Arrival())
    await settled()
    first.say('{"type":"publish","id":"1","data":"x"}')
    await settled()
    await server.connect(second, "ann", Arrival())
    await settled()
    second.say('{"type":"publish","id":"1","data":"x"}')
    await settled()

    assert said(first, "ack") == said(second, "ack") == [{"type": "ack", "id": "1", "seq": 1}]
    assert other.heard == ["Client ann: x"]
    assert first.close_frame == (1008, "replaced by a newer connection with the same id")


async def test_the_same_name_on_two_processes_is_two_connections_that_both_stand():
    """As docs/wire.md says: a client that moves during a drain leaves its old connection itself."""
    broker = BothHear()
    here, there = InMemoryServer(broker=broker), InMemoryServer(broker=broker)
    old, new, other = Peer(), Peer(), Peer()
    await here.connect(old, "ann", Arrival())
    await settled()
    await there.connect(new, "ann", back(here, 0))
    await there.connect(other, "bob")
    await settled()
    await there.hub.publish("for both", to="ann")
    new.say('{"type":"publish","id":"1","data":"not for ann"}')
    await settled()

    assert (old.close_frame, new.close_frame) == (None, None)
    assert data(old) == data(new) == ["for both"]
    assert other.heard == ["Client ann: not for ann"]


class BothHear(MemoryBroker):
    """One log that two processes hear."""

    def __init__(self) -> None:
        super().__init__()
        self._heard_by: list[Deliver] = []
        self._deliver = lambda message: [deliver(message) for deliver in self._heard_by]

    def subscribe(self, deliver: Deliver, lost: Lost) -> None:
        self._heard_by.append(deliver)
