"""What others put in the place of sessions and their streams: it counts as nothing, and everybody else goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tracemalloc
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from server.brokers.broker import BrokerUnavailable
from server.brokers.memory import MemoryStore
from server.brokers.redis import ValkeyBroker
from server.brokers.redis_connection import Address, RedisConnection
from tests.server.broker_services import BOUNDS, SERVERS, Service, service, until
from tests.server.session_peers import SessionServer, Student
from tests.server.test_broker_poison import OTHERS


@pytest.fixture(params=SERVERS)
async def shared(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    async with service(request.param) as started:
        yield started


VALUES = {
    "a list": "[1,2]",
    "no JSON": "{",
    "no text": b"\xff\xfe{}",
    "deep": "[" * 100_000 + "]" * 100_000,
    "deep inside": '{"progress":' + '{"a":' * 50_000 + "1" + "}" * 50_001,
    "null": "null",
    "a number": "7",
    "a large number": "9" * 5000,
    "large": json.dumps({"progress": {"a": "x" * 2_000_000}}),
    "another progress": '{"progress":[1,2]}',
    "more progress than one may have": json.dumps({"progress": {"a": "x" * 20_000}}),
    "no number": '{"progress":{"a":NaN}}',
    "more answers than are kept": json.dumps(
        {"answers": [{"response": "x" * 9000, "at": "2026-01-01T00:00:00Z"}] * 10},
    ),
    "larger by what nobody knows": json.dumps({"later": ["x"] * 9000}),
}


@pytest.mark.attack
@pytest.mark.parametrize("value", [*OTHERS, *VALUES])
async def test_what_stands_under_a_sessions_key_is_nothing_and_every_session_is_served(shared: Service, value: str):
    """Measured before: a list under `session:x`, and every session of the process was deaf while `/ready` said 200."""
    verb, *rest = OTHERS[value] if value in OTHERS else ("SET", VALUES[value])
    await shared.server.execute(verb, "ebb:session:ann", *rest)
    broker = ValkeyBroker(shared.server.url, BOUNDS)
    server, ann, bob = SessionServer(broker.store), Student("ann"), Student("bob")
    server.sessions.broker = server.hub.broker = broker
    server.sessions.states._left_out = broker.left_out
    await broker.start()
    async with server.sessions.serving():
        for student in (bob, ann):
            await server.connect(student, student.session_id)
        await server.sessions.states.refresh("ann")
        ann.reads(page=3)
        bob.reads(page=4)
        await until(lambda: sum(broker.left_out.counts.values()), "counted")
        answers = {"ann": "because", "bob": "therefore"}
        async with asyncio.timeout(20):
            while not (ann.responses and bob.responses):  # from when the stream is followed
                for name, response in answers.items():
                    await broker.store.append("llm_responses", {"session_id": name, "response": response})
                await asyncio.sleep(0.01)
        assert (ann.responses[0], bob.responses[0]) == ("because", "therefore")
        ann.leave()
        again = Student("ann")
        await server.connect(again, "ann")
        await until(lambda: again.kinds == ["SESSION_RESTORED"], "restored")
        assert again.envelopes[0]["payload"]["progress"] == {"page": 3}
        bob.leave()
        again.leave()
        await asyncio.sleep(0.05)
    await broker.close()


class Heard:
    """A follower of a stream."""

    def __init__(self, broker: Any, stream: str = "answers") -> None:
        self.heard: list[str] = []
        self.broker = broker
        self.following = asyncio.create_task(broker.store.follow(stream, self.hear))

    async def hear(self, entry: Mapping[str, str]) -> None:
        if "n" not in entry:
            raise RuntimeError("not for us")
        self.heard.append(entry["n"])

    async def begun(self) -> None:
        while not self.heard:
            await self._append({"n": "begun"})
            await asyncio.sleep(0.01)

    async def _append(self, entry: Mapping[str, str]) -> None:
        """Add an entry, once the server takes one: it looks at what is large, and answers nobody meanwhile."""
        while True:
            with contextlib.suppress(BrokerUnavailable):
                return await self.broker.store.append("answers", entry)

    async def goes_on(self) -> None:
        """Hear what is added from now on, and end."""
        await self._append({"n": "on"})
        await until(lambda: "on" in self.heard, "heard on", within_s=20)
        self.following.cancel()
        await asyncio.gather(self.following, return_exceptions=True)


@pytest.mark.attack
@pytest.mark.parametrize("moment", ["before", "while it is followed"])
@pytest.mark.parametrize("kind", sorted(OTHERS.keys() - {"stream"}))
async def test_what_stands_in_the_place_of_a_stream_is_set_aside(shared: Service, kind: str, moment: str):
    broker = (await shared.subscriber()).broker
    verb, *rest = OTHERS[kind]
    if moment == "before":
        await shared.server.execute(verb, "answers", *rest)
    follower = Heard(broker)
    await follower.begun()
    if moment != "before":
        await shared.server.execute("DEL", "answers")
        await shared.server.execute(verb, "answers", *rest)
    await follower.goes_on()
    assert await shared.server.execute("TYPE", "answers:foreign") == kind.encode()
    assert broker.left_out.counts["type"] == 1


async def test_a_stream_to_which_nothing_can_be_added_is_set_aside_and_followed_on(shared: Service):
    broker = (await shared.subscriber()).broker
    follower = Heard(broker)
    await follower.begun()
    last = "18446744073709551615-18446744073709551615"
    await shared.server.execute("XADD", "answers", last, "not", "ours")
    await until(lambda: broker.left_out.counts["foreign"], "the entry left out")
    await follower.goes_on()
    assert await shared.server.execute("TYPE", "answers:foreign") == b"stream"


async def test_entries_that_are_foreign_or_too_large_are_left_out_and_the_next_ones_heard(shared: Service):
    broker = (await shared.subscriber()).broker
    follower = Heard(broker)
    await follower.begun()
    line = RedisConnection(Address(shared.server.url))
    for fields in (("not", "ours"), (b"\xff", b"\xfe", "n", "odd"), ("n", "x" * 60_000_000), ("", "17")):
        await line.ask("XADD", "answers", "*", *fields, within_s=10)
    await line.close()
    await follower.goes_on()
    assert next(n for n in follower.heard if n != "begun") == "odd"
    assert broker.left_out.counts["foreign"] >= 1


@pytest.mark.attack
async def test_a_state_in_memory_takes_what_its_json_takes():
    """Measured before: 293 kB kept for 16 kB sent."""
    store = MemoryStore()
    nothing = json.loads("[" + ",".join(["[]"] * 5000) + "]")
    tracemalloc.start()
    try:
        for n in range(20):
            await store.set(f"session:{n}", {"progress": {"a": nothing}}, 60)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken < 20 * 25_000
    assert await store.get("session:7") == {"progress": {"a": nothing}}


@pytest.mark.attack
async def test_the_states_in_memory_are_bounded_and_those_written_longest_ago_go_first():
    """Measured before: 100,000 sessions that came once took 58 MB for their time to live, without end."""
    store = MemoryStore(limit_bytes=2_000_000)
    tracemalloc.start()
    try:
        for n in range(20_000):
            await store.set(f"session:{n}", {"progress": {"page": n}}, 300)
            if n % 1000 == 0:
                await store.set("session:ann", {"progress": {"page": n}}, 300)  # as one that is connected
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken < 2_000_000
    assert await store.get("session:0") is None
    assert await store.get("session:19999") == {"progress": {"page": 19999}}
    assert await store.get("session:ann") == {"progress": {"page": 19000}}
    await store.set("session:ann", {"progress": "x" * 3_000_000}, 300)
    assert await store.get("session:19999") is None
    assert await store.get("session:ann") is not None
