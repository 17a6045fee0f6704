"""The session protocol, without connections: its words, its stored state, its queue of questions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.messages.sessions import (
    ANSWERS,
    ANSWERS_CHARS,
    PROGRESS_BYTES,
    Acknowledged,
    Answer,
    Interruption,
    JoinClass,
    ReadingProgress,
    Refused,
    Responded,
    Restored,
    State,
    parse,
)
from server.messages.wire import Malformed
from server.sessions.model import IN_WORK, PendingAnswers, Question, Questions, has, reduce

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def answer(text: str, after_s: float = 0) -> Answer:
    return Answer(response=text, at=AT + timedelta(seconds=after_s))


def progress(**fields: object) -> ReadingProgress:
    return ReadingProgress.model_validate({"type": "READING_PROGRESS", "payload": fields})


def join(class_id: str) -> JoinClass:
    return JoinClass(type="JOIN_CLASS", class_id=class_id)


# ---- The words ----


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (
            Restored(payload=State(progress={"page": 3}, class_id="7b", answers=(answer("yes"),))),
            '{"type":"SESSION_RESTORED","payload":{"progress":{"page":3},"class_id":"7b",'
            '"answers":[{"response":"yes","at":"2026-01-02T03:04:05Z"}]}}',
        ),
        (Acknowledged(timestamp=AT), '{"type":"INTERRUPTION_ACKNOWLEDGED","timestamp":"2026-01-02T03:04:05Z"}'),
        (Responded.of(answer("é")), '{"type":"INTERRUPTION_RESPONSE","payload":{"response":"é"}}'),
        (Refused(code="malformed", detail="no"), '{"type":"ERROR","code":"malformed","detail":"no"}'),
    ],
)
def test_what_the_server_says(said, text):
    assert said.frame().text == text


def test_what_a_client_may_say():
    question = parse('{"type":"STUDENT_INTERRUPTION","payload":{"questionText":"why?"}}')
    assert isinstance(question, Interruption)
    assert question.payload.text == "why?"
    assert parse('{"type":"READING_PROGRESS","payload":{"page":3,"at":{"line":[1]}}}') == progress(
        page=3, at={"line": [1]}
    )
    assert parse('{"type":"JOIN_CLASS","class_id":"7b"}') == join("7b")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("hello", "message: Invalid JSON"),
        ("[]", "message: Input should be"),
        ('{"type":"DANCE"}', "expected tags: 'STUDENT_INTERRUPTION', 'READING_PROGRESS', 'JOIN_CLASS'"),
        ('{"type":"STUDENT_INTERRUPTION"}', "STUDENT_INTERRUPTION.payload: Field required"),
        ('{"type":"STUDENT_INTERRUPTION","payload":{}}', "payload.questionText: Field required"),
        (
            '{"type":"STUDENT_INTERRUPTION","payload":{"questionText":""}}',
            "payload.questionText: String should have at least 1 character",
        ),
        (
            '{"type":"STUDENT_INTERRUPTION","payload":{"questionText":"' + "x" * 4001 + '"}}',
            "payload.questionText: String should have at most 4000 characters",
        ),
        ('{"type":"READING_PROGRESS","payload":3}', "READING_PROGRESS.payload: Input should be"),
        ('{"type":"READING_PROGRESS","payload":{"page":NaN}}', "payload: Out of range float"),
        (
            '{"type":"READING_PROGRESS","payload":{"x":"' + "é" * 8200 + '"}}',
            f"payload: 16409 bytes of JSON, limit {PROGRESS_BYTES}",
        ),
        ('{"type":"READING_PROGRESS","payload":{"x":' + "[" * 500 + "]" * 500 + "}}", "recursion limit exceeded"),
        ('{"type":"JOIN_CLASS","class_id":"' + "x" * 151 + '"}', "class_id: String should have at most 150"),
        ('{"type":"JOIN_CLASS","class_id":"x","room":"y"}', "JOIN_CLASS.room: Extra inputs are not permitted"),
    ],
)
def test_what_is_malformed_is_named_in_one_line(text, complaint):
    with pytest.raises(Malformed) as caught:
        parse(text)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


# ---- The stored state ----


def test_progress_is_merged_field_by_field_and_null_removes():
    state = reduce(State(class_id="7b"), progress(page=3, book="Momo"))
    state = reduce(state, progress(page=4, chapter={"n": 1}))
    state = reduce(state, progress(book=None))

    assert state == State(progress={"page": 4, "chapter": {"n": 1}}, class_id="7b")


def test_progress_that_does_not_fit_with_what_is_stored_is_refused_and_changes_nothing():
    state = reduce(State(), progress(a="x" * 10_000))

    with pytest.raises(Malformed, match=f"payload: 20018 bytes of JSON with what is stored, limit {PROGRESS_BYTES}"):
        reduce(state, progress(b="x" * 10_000))
    assert state.progress.keys() == {"a"}


def test_a_session_is_in_one_class():
    assert reduce(reduce(State(), join("7b")), join("8a")) == State(class_id="8a")


def test_the_last_answers_are_kept():
    state = State()
    for n in range(ANSWERS + 2):
        state = reduce(state, answer(f"{n}"))

    assert [kept.response for kept in state.answers] == [f"{n}" for n in range(2, ANSWERS + 2)]


def test_long_answers_leave_room_for_fewer_and_one_too_long_is_not_kept():
    state = State()
    for text in ("a", "b" * (ANSWERS_CHARS - 1), "c"):
        state = reduce(state, answer(text))
    assert [kept.response[0] for kept in state.answers] == ["b", "c"]

    assert reduce(state, answer("d" * (ANSWERS_CHARS + 1))).answers == ()


def test_an_answer_that_two_processes_heard_is_kept_once():
    state = reduce(State(), answer("yes"))

    assert reduce(state, answer("yes", after_s=-59)) is state
    assert has(state, answer("yes", after_s=59))
    assert len(reduce(state, answer("yes", after_s=61)).answers) == 2
    assert len(reduce(state, answer("no")).answers) == 2


def test_what_a_newer_version_wrote_survives_a_change():
    state = State.model_validate({"progress": {"page": 1}, "mood": "good"})

    assert reduce(state, join("7b")).model_dump()["mood"] == "good"


def test_a_state_comes_back_as_it_was_stored():
    state = State(progress={"page": 3}, class_id="7b", answers=(answer("yes"),))

    assert State.model_validate(json.loads(json.dumps(state.model_dump(mode="json")))) == state


# ---- The questions ----


def asked(*session_ids: str, **limits: float) -> Questions:
    questions = Questions(**limits)  # type: ignore[arg-type]  # any of its limits
    for n, session_id in enumerate(session_ids):
        assert questions.take(Question(session_id, f"q{n}")) is None
    return questions


def begun(questions: Questions, now: float = 0) -> list[str]:
    """Begin and put all that may be; tell their texts."""
    texts = []
    while (begun := questions.begin(now)) is not None:
        questions.put(begun[0], now)
        texts.append(begun[1].message)
    return texts


def test_so_many_are_in_work_and_the_others_wait_in_order():
    questions = asked("a", "b", "c", "d", in_work=2)

    assert begun(questions) == ["q0", "q1"]
    questions.answered("b")
    assert begun(questions) == ["q2"]
    questions.answered("a")
    questions.answered("nobody's")
    assert begun(questions) == ["q3"]


def test_of_one_session_one_question_is_in_work_and_the_others_have_their_turn():
    questions = asked("a", "a", "b", "a", "c", in_work=3)
    assert begun(questions) == ["q0", "q2", "q4"]
    questions.answered("a")
    assert begun(questions) == ["q1"]
    questions.answered("b")
    assert begun(questions) == []


def test_three_questions_of_a_session_wait_and_one_too_many_is_refused():
    questions = asked("a", "a", "a")
    assert questions.take(Question("a", "?")) == "3 of 3 questions of this session wait"
    assert questions.take(Question("b", "?")) is None
    assert begun(questions) == ["q0", "?"]
    assert questions.take(Question("a", "?")) is None


def test_a_full_queue_says_so_and_takes_nothing():
    questions = asked("a", "b", waiting=2)

    assert questions.take(Question("c", "?")) == "2 of 2 questions wait in this process"
    assert begun(questions) == ["q0", "q1"]
    assert questions.take(Question("c", "?")) is None


def test_a_question_that_is_never_answered_gives_its_place_back():
    questions = asked("a", "b", in_work=1, timeout_s=60)
    assert questions.due is None
    assert begun(questions, now=100) == ["q0"]
    assert questions.due == 160

    assert begun(questions, now=159.9) == []
    assert begun(questions, now=160) == ["q1"]


def test_the_time_to_answer_begins_when_the_question_is_on_the_stream():
    questions = asked("a", "b", in_work=1, timeout_s=60)
    ticket, _ = questions.begin(0) or (0, None)

    assert questions.begin(1000) is None
    questions.put(ticket, 1000)
    assert questions.due == 1060


def test_an_answer_may_overtake_the_news_that_its_question_was_put():
    questions = asked("a", in_work=1)
    ticket, _ = questions.begin(0) or (0, None)
    questions.answered("a")
    questions.put(ticket, 0)

    assert questions.due is None


def test_giving_up_hands_out_what_is_not_on_the_stream():
    questions = asked("a", "b", "c")
    first, _ = questions.begin(0) or (0, None)
    questions.put(first, 0)
    questions.begin(0)

    assert [question.message for question in questions.give_up()] == ["q1", "q2"]
    assert questions.give_up() == []
    assert questions.due is None


SESSIONS = "abcdefghijkl"
STEPS = st.tuples(st.sampled_from(["take", "begin", "answered", "later"]), st.sampled_from(SESSIONS))


@given(st.lists(STEPS, max_size=80))
def test_whatever_happens_each_session_has_its_questions_in_order_one_at_a_time_and_ten_are_in_work(steps):
    questions, now = Questions(), 0.0
    taken: dict[str, list[str]] = {each: [] for each in SESSIONS}
    put: dict[str, list[str]] = {each: [] for each in SESSIONS}
    unanswered: list[tuple[str, float]] = []
    for n, (step, session_id) in enumerate(steps):
        if step == "take":
            if questions.take(Question(session_id, f"{n}")) is None:
                taken[session_id].append(f"{n}")
        elif step == "answered":
            questions.answered(session_id)
            for each in unanswered:
                if each[0] == session_id:
                    unanswered.remove(each)
                    break
        elif step == "later":
            now += 7
        elif (begun := questions.begin(now)) is not None:
            questions.put(begun[0], now)
            put[begun[1].session_id].append(begun[1].message)
            unanswered = [each for each in unanswered if each[1] > now] + [(begun[1].session_id, now + 60)]
            assert len(unanswered) <= IN_WORK
            assert len({each for each, _ in unanswered}) == len(unanswered)
    for each in SESSIONS:
        assert put[each] == taken[each][: len(put[each])]


# ---- Answers for sessions that are not here ----


def test_what_is_pending_is_due_after_a_second_the_first_first():
    unclaimed = PendingAnswers()
    assert unclaimed.next is None
    unclaimed.leave("a", [answer("1")], now=10)
    unclaimed.leave("b", [answer("2")], now=10.5)
    unclaimed.leave("a", [answer("0", after_s=-1)], now=10.7)

    assert unclaimed.next == ("a", 11)
    assert unclaimed.claim("a") == [answer("0", after_s=-1), answer("1")]
    assert unclaimed.next == ("b", 11.5)
    assert unclaimed.claim("a") == []


def test_leaving_nothing_makes_nothing_due():
    unclaimed = PendingAnswers()

    assert unclaimed.leave("a", [], now=0) == 0
    assert unclaimed.next is None


def test_where_too_many_are_pending_those_go_that_are_due_first():
    unclaimed = PendingAnswers(limit=3)
    assert unclaimed.leave("a", [answer("1"), answer("2")], now=0) == 0
    assert unclaimed.leave("b", [answer("3")], now=1) == 0

    assert unclaimed.leave("c", [answer("4")], now=2) == 2
    assert (unclaimed.claim("a"), unclaimed.claim("b")) == ([], [answer("3")])
    assert unclaimed.leave("d", [answer("5")], now=3) == 0


def test_pending_answers_are_bounded_in_characters_too():
    unclaimed = PendingAnswers(limit_chars=10)
    first = Answer(response="x" * 6, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert unclaimed.leave("ann", [first], 0.0) == 0
    assert unclaimed.leave("bob", [first], 1.0) == 1
    assert unclaimed.leave("eve", [first.model_copy(update={"response": "x" * 11})], 2.0) == 2
    assert unclaimed.next is None
