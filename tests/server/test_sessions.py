"""What a student hears, on one process: acknowledgement, answer, refusal, cleaning up. In virtual time."""

from __future__ import annotations

import asyncio

import pytest
from freezegun import freeze_time

from server.sessions.questions import RETRY_S
from tests.server.session_peers import SessionServer, Store, Student, serving, settled

pytestmark = pytest.mark.looptime


# ---- A question and its answer ----


@freeze_time("2026-01-02T03:04:05Z", real_asyncio=True)
async def test_a_question_is_acknowledged_queued_and_answered():
    server, ann = SessionServer(Store()), Student("ann")
    async with serving(server):
        await server.enter(ann)
        ann.asks("why?")
        await settled()
        assert ann.envelopes == [{"type": "INTERRUPTION_ACKNOWLEDGED", "timestamp": "2026-01-02T03:04:05Z"}]
        assert server.store.questions == [{"session_id": "ann", "message": "why?"}]

        await server.store.answer("ann", "because")
        await settled()
        assert ann.envelopes[1:] == [{"type": "INTERRUPTION_RESPONSE", "payload": {"response": "because"}}]


async def test_the_acknowledgement_does_not_wait_for_the_work(monkeypatch):
    server, ann = SessionServer(Store()), Student()

    async def append(stream: str, entry: object) -> None:
        await asyncio.sleep(1000)

    monkeypatch.setattr(server.store, "append", append)
    async with serving(server):
        await server.enter(ann)
        ann.asks("why?")
        ann.asks("and why else?")
        await settled()
        assert ann.kinds == ["INTERRUPTION_ACKNOWLEDGED"] * 2


async def test_ten_questions_are_in_work_and_the_others_follow_in_order():
    server = SessionServer(Store())
    students = [Student(f"s-{n}") for n in range(12)]
    async with serving(server):
        for n, student in enumerate(students):
            await server.enter(student)
            student.asks(f"{n}")
            await settled()
        assert [each["message"] for each in server.store.questions] == [f"{n}" for n in range(10)]
        assert [student.kinds for student in students] == [["INTERRUPTION_ACKNOWLEDGED"]] * 12

        await server.store.answer("s-7", "!")
        await settled()
        assert server.store.questions[10:] == [{"session_id": "s-10", "message": "10"}]
        await server.store.answer("s-0", "!")
        await settled()
        assert server.store.questions[11:] == [{"session_id": "s-11", "message": "11"}]


@pytest.mark.attack
async def test_one_session_that_asks_without_end_keeps_nobody_elses_question_waiting():
    server, ann, bob = SessionServer(Store()), Student("ann"), Student("bob")
    async with serving(server):
        await server.enter(ann)
        await server.enter(bob)
        for n in range(1010):
            ann.asks(f"{n}")
        await settled()
        bob.asks("may I?")
        await settled()
        assert server.store.questions == [
            {"session_id": "ann", "message": "0"},
            {"session_id": "bob", "message": "may I?"},
        ]
        assert len(ann.received("INTERRUPTION_ACKNOWLEDGED")) == 4
        full = {"type": "ERROR", "code": "too_many_questions", "detail": "3 of 3 questions of this session wait"}
        assert ann.received("ERROR") == [full] * 1006


async def test_a_question_that_is_never_answered_holds_its_place_for_a_minute():
    server, ann = SessionServer(Store()), Student()
    async with serving(server):
        await server.enter(ann)
        await asyncio.sleep(100)
        for n in range(2):
            ann.asks(f"{n}")
        await asyncio.sleep(59)
        assert len(server.store.questions) == 1
        await asyncio.sleep(2)
        assert len(server.store.questions) == 2


async def test_a_question_too_many_is_refused_and_not_acknowledged():
    server = SessionServer(Store())
    students = [Student(f"s-{n}") for n in range(340)]
    async with serving(server):
        for student in students:
            await server.connect(student, student.session_id)
        await settled()
        for n in range(3):
            for student in students:
                student.asks(f"{n}")
            await settled()
        asked = sum(len(student.received("INTERRUPTION_ACKNOWLEDGED")) for student in students)
        assert asked == 1010  # ten are in work, and a thousand wait
        full = {"type": "ERROR", "code": "too_many_questions", "detail": "1000 of 1000 questions wait in this process"}
        assert [error for student in students for error in student.received("ERROR")] == [full] * 10


async def test_what_is_malformed_is_answered_and_the_connection_stays():
    server, ann = SessionServer(Store()), Student()
    async with serving(server):
        await server.enter(ann)
        ann.say("hello")
        ann.says("DANCE")
        ann.asks("x" * 4001)
        ann.asks("why?")
        await settled()
        assert ann.kinds == ["ERROR", "ERROR", "ERROR", "INTERRUPTION_ACKNOWLEDGED"]
        assert {each["code"] for each in ann.received("ERROR")} == {"malformed"}
        assert "at most 4000 characters" in ann.envelopes[2]["detail"]


async def test_entries_that_are_no_answers_are_ignored_with_one_line(caplog):
    server, ann = SessionServer(Store()), Student("ann")
    async with serving(server):
        await server.enter(ann)
        await server.store.append("llm_responses", {"session_id": "ann"})
        await server.store.append("llm_responses", {"response": "whose?"})
        await server.store.answer("ann", "yes")
        await settled()
        assert ann.responses == ["yes"]
    assert [record.message for record in caplog.records] == [
        "llm_responses: entries without session_id or response are ignored"
    ]


async def test_an_answer_that_cannot_be_said_harms_no_other(caplog):
    server, ann = SessionServer(Store()), Student("ann")
    async with serving(server):
        await server.enter(ann)
        await server.store.answer("ann", "half a character: \ud800")
        await server.store.answer("ann", "yes")
        await settled()
        assert ann.responses == ["yes"]
    assert [record.message for record in caplog.records] == ["an answer for session 'ann' could not be delivered"]


# ---- The broker goes away ----


async def test_with_the_broker_away_nothing_is_acknowledged_and_the_connection_stays():
    server, ann = SessionServer(Store()), Student()
    async with serving(server):
        await server.enter(ann)
        server.break_down()
        ann.asks("why?")
        ann.reads(page=3)
        ann.says("JOIN_CLASS", class_id="7b")
        await settled()
        assert [(each["type"], each["code"]) for each in ann.envelopes] == [("ERROR", "broker_unavailable")] * 3
        await server.hub.publish("for the class", room="class:7b")

        server.mend()
        ann.asks("why?")
        await settled()
        assert ann.kinds[3:] == ["INTERRUPTION_ACKNOWLEDGED"]
        assert [each["message"] for each in server.store.questions] == ["why?"]


async def test_a_question_that_was_acknowledged_is_put_on_the_stream_when_the_broker_is_back():
    server, ann = SessionServer(Store()), Student()
    async with serving(server):
        await server.enter(ann)
        server.store.away = True  # and nobody has noticed yet
        ann.asks("one")
        ann.asks("two")
        await asyncio.sleep(100)
        assert ann.kinds == ["INTERRUPTION_ACKNOWLEDGED"] * 2

        server.store.away = False
        await asyncio.sleep(RETRY_S + 0.1)
        assert [each["message"] for each in server.store.questions] == ["one"]
        await server.store.answer(ann.session_id, "!")
        await settled()
        assert [each["message"] for each in server.store.questions] == ["one", "two"]


async def test_who_comes_while_the_broker_is_away_is_told_so_once_and_restored_when_it_is_back():
    server, ann, again = SessionServer(Store()), Student("ann"), Student("ann")
    async with serving(server):
        await server.enter(ann)
        ann.reads(page=3)
        await settled()
        server.break_down()
        await server.enter(again)
        server.broker.available = True  # it seems so
        await asyncio.sleep(10)
        assert [(each["type"], each["code"]) for each in again.envelopes] == [("ERROR", "broker_unavailable")]

        server.mend()
        await server.store.answer("ann", "an early answer")
        await asyncio.sleep(1.5)
        assert again.received("SESSION_RESTORED")[0]["payload"]["progress"] == {"page": 3}
        assert again.received("SESSION_RESTORED")[0]["payload"]["answers"][0]["response"] == "an early answer"
        assert again.responses == []


async def test_an_answer_is_kept_as_soon_as_the_broker_is_back():
    server, ann = SessionServer(Store()), Student("ann")
    async with serving(server):
        await server.enter(ann)
        await server.store.answer("ann", "yes")
        server.store.away = True
        await asyncio.sleep(10)
        assert (ann.responses, await server.store.state("ann")) == (["yes"], None)

        server.store.away = False
        await asyncio.sleep(1.5)
        state = await server.store.state("ann")
        assert state is not None
        assert [each["response"] for each in state["answers"]] == ["yes"]


# ---- Cleaning up ----


async def test_who_says_nothing_for_too_long_is_closed_and_who_speaks_stays():
    server, silent, talker = SessionServer(Store(), idle_timeout_s=5), Student("silent"), Student("talker")
    async with serving(server):
        await server.enter(talker)
        await server.enter(silent)
        for n in range(6):
            await asyncio.sleep(1)
            talker.reads(page=n)
        assert silent.close_frame == (1000, "idle")
        assert talker.close_frame is None
        assert len(server.sessions) == 1
        await asyncio.sleep(6)
        assert talker.close_frame == (1000, "idle")
        assert len(server.sessions) == 0


async def test_by_default_nobody_is_closed_for_saying_nothing():
    server, silent = SessionServer(Store()), Student()
    async with serving(server):
        await server.enter(silent)
        await asyncio.sleep(1000)
        assert silent.close_frame is None


async def test_a_second_connection_replaces_the_first():
    server, first, second = SessionServer(Store()), Student("ann"), Student("ann")
    async with serving(server):
        await server.enter(first)
        await server.enter(second)
        await asyncio.sleep(1)
        assert first.close_frame == (1008, "replaced by a newer connection with the same id")
        assert len(server.sessions) == 1

        await server.store.answer("ann", "yes")
        await settled()
        assert (first.responses, second.responses) == ([], ["yes"])


@pytest.mark.parametrize("leave", ["leave", "vanish"])
async def test_who_is_gone_is_forgotten_at_once(leave):
    server, ann = SessionServer(Store()), Student("ann")
    async with serving(server):
        await server.enter(ann)
        ann.says("JOIN_CLASS", class_id="7b")
        await settled()
        assert len(server.sessions) == 1
        getattr(ann, leave)()
        await settled()
        assert len(server.sessions) == 0
        assert server.hub.connections == {}


# ---- The process stops ----


async def test_questions_that_wait_are_put_on_the_stream_when_the_process_stops():
    server = SessionServer(Store())
    students = [Student(f"s-{n}") for n in range(25)]
    async with serving(server):
        for n, student in enumerate(students):
            await server.enter(student)
            student.asks(f"{n}")
        await settled()
        assert len(server.store.questions) == 10
    assert [each["message"] for each in server.store.questions] == [f"{n}" for n in range(25)]


async def test_questions_that_are_lost_with_the_process_are_counted_in_one_line(caplog):
    server, ann = SessionServer(Store()), Student()
    async with serving(server):
        await server.enter(ann)
        server.store.away = True
        for n in range(3):
            ann.asks(f"{n}")
        await settled()
    assert [record.message for record in caplog.records] == [
        "questions wait: the broker is away, on purpose",
        "3 questions that were acknowledged are lost: the broker did not take them",
    ]
