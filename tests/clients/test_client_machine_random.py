"""Whatever happens to its connections, in whatever order, a client has every message once and in order, and what it
publishes is published once and in order."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from clients.python.events import Deliver, Effect, Ending, Leave, Lose, Open, Send
from clients.python.machine import Machine
from clients.python.wire import Ack, Draining, Message, Resumed, Welcome

CUT = Ending("cut off")
KEPT = "tea"  # the room in which the client is from the beginning


@dataclass
class Peer:
    """What the server knows of a connection: up to where it has delivered, and what the client said on it."""

    at: int
    resumes: bool
    rooms: set[str]
    welcomed: bool = False
    answered: bool = False
    inbox: list[str] = field(default_factory=list)


class AnyServers(RuleBasedStateMachine):
    """Servers that share a log, and one client."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.log: list[Message] = [Message(1, None, "bob", 1, "")]
        self.begins: int | None = None
        self.got: list[Message] = []
        self.published: list[str] = []
        self.seq_of: dict[str, int] = {}
        self.peers: dict[int, Peer] = {}
        self.machine = Machine([0, 1], [KEPT], dice=lambda: 0.5)

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case Open(number, _, query):
                    asked = parse_qs(query.removeprefix("?"))
                    at = int(asked["seq"][0]) if "seq" in asked else math.inf
                    self.peers[number] = Peer(int(min(at, len(self.log))), at != math.inf, set(asked.get("room", [])))
                case Leave(number):
                    del self.peers[number]
                case Send(number, text):
                    self.peers[number].inbox.append(text)
                case Deliver(message):
                    self.got.append(message)
                case Lose():
                    raise AssertionError("nothing is lost in these servers")

    def pick(self, of: int) -> tuple[int, Peer]:
        numbers = sorted(self.peers)
        number = numbers[of % len(numbers)]
        return number, self.peers[number]

    @rule(for_room=st.sampled_from([None, KEPT, "other"]))
    def somebody_publishes(self, for_room: str | None) -> None:
        seq = len(self.log) + 1
        self.log.append(Message(seq, for_room, "bob", seq, ""))

    @rule(id=st.uuids())
    def the_client_publishes(self, id: object) -> None:
        self.published.append(str(id))
        self.perform(self.machine.publish(str(id), str(id)))

    @rule(room=st.sampled_from(["other", "third"]), enters=st.booleans())
    def the_client_changes_its_rooms(self, room: str, enters: bool) -> None:
        self.perform((self.machine.join if enters else self.machine.leave)(room))

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.perform(self.machine.tick(self.now))

    @precondition(lambda self: self.peers)
    @rule(of=st.integers(0, 5), times=st.integers(1, 4))
    def a_server_says_what_is_next(self, of: int, times: int) -> None:
        for _ in range(times):
            if not self.peers:
                return
            number, peer = self.pick(of)
            if not peer.welcomed:
                peer.welcomed = True
                if not peer.resumes:
                    peer.at, peer.answered = len(self.log), True
                    self.begins = peer.at
                self.perform(self.machine.heard(number, Welcome("e", len(self.log)), self.now))
            elif not peer.answered:
                peer.answered = True
                missed = sum(each.room is None or each.room in peer.rooms for each in self.log[peer.at :])
                self.perform(self.machine.heard(number, Resumed("e", len(self.log), missed), self.now))
            elif peer.at < len(self.log):
                message = self.log[peer.at]
                peer.at += 1
                if message.sender != "me" and (message.room is None or message.room in peer.rooms):
                    self.perform(self.machine.heard(number, message, self.now))

    @precondition(lambda self: any(peer.inbox and peer.welcomed for peer in self.peers.values()))
    @rule(of=st.integers(0, 5), acknowledges=st.booleans())
    def a_server_carries_out_a_request(self, of: int, acknowledges: bool) -> None:
        number, peer = self.pick(of)
        if not peer.inbox or not peer.welcomed:
            return
        said = json.loads(peer.inbox.pop(0))
        if said["type"] == "publish":
            if said["id"] not in self.seq_of:
                self.seq_of[said["id"]] = len(self.log) + 1
                self.log.append(Message(len(self.log) + 1, "nobody's", "me", said["data"], ""))
            if acknowledges:
                self.perform(self.machine.heard(number, Ack(said["id"], self.seq_of[said["id"]]), self.now))
        elif said["type"] == "join":
            peer.rooms.add(said["room"])
        else:
            peer.rooms.discard(said["room"])

    @precondition(lambda self: self.peers)
    @rule(of=st.integers(0, 5), in_s=st.sampled_from([0.0, 1.0]))
    def a_server_drains(self, of: int, in_s: float) -> None:
        number, _ = self.pick(of)
        self.perform(self.machine.heard(number, Draining(30.0, "", in_s), self.now))

    @precondition(lambda self: self.peers)
    @rule(of=st.integers(0, 5))
    def a_connection_ends(self, of: int) -> None:
        number, _ = self.pick(of)
        del self.peers[number]
        self.perform(self.machine.lost(number, CUT, self.now))

    @invariant()
    def what_is_for_everyone_and_for_its_room_came_once_and_in_order(self) -> None:
        seqs = [message.seq for message in self.got]
        assert seqs == sorted(set(seqs))
        if self.begins is not None and self.got:
            due = [
                each.seq
                for each in self.log[self.begins : seqs[-1]]
                if each.sender != "me" and each.room in (None, KEPT)
            ]
            assert [message.seq for message in self.got if message.room in (None, KEPT)] == due

    @invariant()
    def what_it_publishes_is_published_once_and_in_order(self) -> None:
        published = [message.data for message in self.log if message.sender == "me"]
        assert published == self.published[: len(published)]

    @invariant()
    def it_has_a_connection_or_is_about_to(self) -> None:
        assert self.machine.current is not None or self.machine.due_at is not None
        assert set(self.peers) == {link.number for link in (self.machine.current, self.machine.attempt) if link}


TestAnyServers = AnyServers.TestCase
TestAnyServers.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
