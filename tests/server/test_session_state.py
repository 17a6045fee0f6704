"""What is kept of a session, and where it is told: over connections, over processes. In virtual time."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from freezegun import freeze_time

from tests.server.session_peers import SessionServer, Store, Student, serving, settled

pytestmark = pytest.mark.looptime


@pytest.fixture(autouse=True)
def _values_expire_in_the_loops_time(monkeypatch):
    now = SimpleNamespace(monotonic=lambda: asyncio.get_running_loop().time())
    monkeypatch.setattr("server.brokers.memory.time", now)


def two() -> tuple[SessionServer, SessionServer]:
    """Two processes with one broker."""
    store = Store()
    return SessionServer(store), SessionServer(store)


# ---- Restored ----


async def test_a_new_session_is_told_nothing():
    server, ann = SessionServer(Store()), Student()
    async with serving(server):
        await server.enter(ann)
        assert ann.heard == []


@freeze_time("2026-01-02T03:04:05Z", real_asyncio=True)
async def test_a_session_is_restored_on_another_process():
    here, there = two()
    ann, again = Student("ann"), Student("ann")
    async with serving(here, there):
        await here.enter(ann)
        ann.reads(page=3, book="Momo")
        ann.reads(page=4)
        ann.says("JOIN_CLASS", class_id="7b")
        await settled()
        await here.store.answer("ann", "because")
        await settled()
        ann.leave()
        await there.enter(again)
        assert again.envelopes == [
            {
                "type": "SESSION_RESTORED",
                "payload": {
                    "progress": {"page": 4, "book": "Momo"},
                    "class_id": "7b",
                    "answers": [{"response": "because", "at": "2026-01-02T03:04:05Z"}],
                },
            }
        ]


async def test_what_is_kept_is_said_before_anything_is_answered(monkeypatch):
    server, ann, again = SessionServer(Store()), Student("ann"), Student("ann")
    async with serving(server):
        await server.enter(ann)
        ann.reads(page=3)
        await settled()
        ann.leave()
        read = server.store.get

        async def slow(key: str) -> object:
            await asyncio.sleep(5)
            return await read(key)

        monkeypatch.setattr(server.store, "get", slow)
        await server.connect(again, "ann")
        again.asks("why?")
        again.say("nonsense")
        await asyncio.sleep(3)
        await server.store.answer("ann", "an answer")
        await asyncio.sleep(20)
        assert again.kinds[:3] == ["SESSION_RESTORED", "INTERRUPTION_RESPONSE", "INTERRUPTION_ACKNOWLEDGED"]
        assert again.responses == ["an answer"]


async def test_a_restored_session_is_in_its_class_again_and_in_no_other():
    here, there = two()
    ann, again = Student("ann"), Student("ann")
    async with serving(here, there):
        await here.enter(ann)
        ann.says("JOIN_CLASS", class_id="7b")
        ann.says("JOIN_CLASS", class_id="8a")
        await settled()
        await here.hub.publish({"type": "HOMEWORK", "for": "7b"}, room="class:7b")
        await here.hub.publish({"type": "HOMEWORK", "for": "8a"}, room="class:8a")
        await here.hub.publish({"type": "for everyone on /ws"})
        await settled()
        assert ann.envelopes == [{"type": "HOMEWORK", "for": "8a"}]

        await there.enter(again)
        await there.hub.publish({"type": "HOMEWORK", "for": "8a"}, room="class:8a")
        await settled()
        assert again.kinds == ["SESSION_RESTORED", "HOMEWORK"]


async def test_what_is_stored_and_is_no_state_counts_as_nothing(caplog):
    server, ann = SessionServer(Store()), Student("ann")
    await server.store.set("session:ann", {"answers": "many"}, 300)
    async with serving(server):
        await server.enter(ann)
        assert ann.heard == []
    assert len(caplog.records) == 1


# ---- Answers, wherever the client is ----


async def test_an_answer_reaches_the_process_that_holds_the_session_whoever_asked():
    here, there = two()
    ann, again = Student("ann"), Student("ann")
    async with serving(here, there):
        await here.enter(ann)
        ann.asks("why?")
        await settled()
        ann.leave()
        await there.enter(again)
        await here.store.answer("ann", "because")
        await asyncio.sleep(3)
        assert again.responses == ["because"]
        state = await here.store.state("ann")
        assert state is not None
        assert [each["response"] for each in state["answers"]] == ["because"]


@pytest.mark.parametrize("away_s", [0, 0.5, 5])
async def test_an_answer_that_comes_while_the_client_moves_is_in_what_is_restored(away_s):
    here, there = two()
    ann, again = Student("ann"), Student("ann")
    async with serving(here, there):
        await here.enter(ann)
        ann.asks("why?")
        await settled()
        ann.leave()
        await settled()
        await here.store.answer("ann", "because")
        await asyncio.sleep(away_s)
        await there.enter(again)
        await asyncio.sleep(5)
        told = [each["payload"]["answers"] for each in again.received("SESSION_RESTORED")]
        assert [[each["response"] for each in answers] for answers in told] + [again.responses] in (
            [["because"], []],
            [["because"]],
        )
        state = await here.store.state("ann")
        assert state is not None
        assert [each["response"] for each in state["answers"]] == ["because"]


async def test_an_answer_is_kept_when_the_process_that_asked_is_gone():
    here, there = two()
    ann, again = Student("ann"), Student("ann")
    async with serving(there):
        async with serving(here):
            await here.enter(ann)
            ann.asks("why?")
            await settled()
            ann.leave()
        await here.store.answer("ann", "because")
        await asyncio.sleep(2)
        await there.enter(again)
        assert again.received("SESSION_RESTORED")[0]["payload"]["answers"][0]["response"] == "because"


async def test_an_answer_that_nobody_was_there_to_hear_is_kept_when_the_process_stops():
    server, ann = SessionServer(Store()), Student("ann")
    async with serving(server):
        await server.enter(ann)
        ann.asks("why?")
        await settled()
        ann.leave()
        await settled()
        await server.store.answer("ann", "because")
        await settled()
        assert await server.store.state("ann") is None
    state = await server.store.state("ann")
    assert state is not None
    assert [each["response"] for each in state["answers"]] == ["because"]


async def test_a_process_whose_client_has_moved_writes_nothing_stale():
    here, there = two()
    before, after = Student("ann"), Student("ann")
    async with serving(here, there):
        await here.enter(before)
        before.reads(page=1)
        await settled()
        await there.enter(after)  # and the former connection still stands
        after.reads(page=2)
        await settled()
        await here.store.answer("ann", "because")
        await asyncio.sleep(100)  # both have kept the answer, and refreshed
        before.leave()
        await asyncio.sleep(100)
        state = await here.store.state("ann")
        assert state is not None
        assert state["progress"] == {"page": 2}
        assert [each["response"] for each in state["answers"]] == ["because"]


async def test_changes_of_one_process_to_one_session_follow_each_other():
    server, ann = SessionServer(Store()), Student("ann")
    async with serving(server):
        await server.enter(ann)
        for n in range(5):
            ann.reads(**{f"p{n}": n})
            await server.store.answer("ann", f"{n}")
        await settled()
        state = await server.store.state("ann")
        assert state is not None
        assert state["progress"] == {f"p{n}": n for n in range(5)}
        assert [each["response"] for each in state["answers"]] == [f"{n}" for n in range(5)]


# ---- How long ----


async def test_a_state_lives_as_long_as_its_client_is_connected_and_its_time_to_live_after_that():
    server, ann = SessionServer(Store(), ttl_s=300), Student("ann")
    async with serving(server):
        await server.enter(ann)
        ann.reads(page=3)
        await asyncio.sleep(2000)
        ann.leave()
        await asyncio.sleep(299)
        assert await server.store.state("ann") is not None
        await asyncio.sleep(80)
        assert await server.store.state("ann") is None


async def test_a_state_expires_after_the_last_change_when_its_client_leaves_at_once():
    server, ann = SessionServer(Store(), ttl_s=300), Student("ann")
    async with serving(server):
        await server.enter(ann)
        ann.reads(page=3)
        await settled()
        ann.leave()
        await asyncio.sleep(299)
        assert await server.store.state("ann") is not None
        await asyncio.sleep(2)
        assert await server.store.state("ann") is None


async def test_activity_is_noted_at_most_once_a_second():
    server, ann = SessionServer(Store(), ttl_s=300), Student("ann")
    async with serving(server):
        await server.enter(ann)
        for _ in range(35):
            ann.say("nonsense counts as well")
            await asyncio.sleep(0.1)
        noted = [ttl_s for key, _, ttl_s in server.store.written if key == "activity:ann"]
        assert noted == [300] * 4
