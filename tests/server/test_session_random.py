"""Whatever a student says, in whatever order, and whatever happens meanwhile: each message has its one defined answer.

A model of docs/sessions.md beside the real endpoint, in virtual time; Hypothesis looks for what nobody thought of.
"""

from __future__ import annotations

import json
import logging
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.messages.sessions import ANSWERS, ANSWERS_CHARS, CLASS_ID_CHARS, PROGRESS_BYTES, QUESTION_CHARS
from server.sessions.model import WAITING_OF_A_SESSION
from tests.server.session_peers import SessionServer, Store, Student, serving, settled

pytestmark = pytest.mark.looptime

NAME_BYTES = 128  # of the room of a class


class Step(NamedTuple):
    """What happens: `says` a text, of which `what` is the kind that it is, or malformed; or one of the others."""

    what: str
    text: str = ""
    value: Any = None


# ---- What may happen ----

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(words, each, max_size=3),
    max_leaves=5,
)


def said(kind: str, **fields: Any) -> str:
    return json.dumps({"type": kind, **fields})


def question(text: str) -> Step:
    return Step("question", said("STUDENT_INTERRUPTION", payload={"questionText": text}), text)


def progress(payload: dict[str, Any]) -> Step:
    return Step("progress", said("READING_PROGRESS", payload=payload), payload)


def class_of(class_id: str) -> Step:
    return Step("class", said("JOIN_CLASS", class_id=class_id), class_id)


HALF = "x" * (PROGRESS_BYTES // 2 - 20)  # two fit, and not three
well_formed = st.one_of(
    words.map(question),
    st.just("?" * QUESTION_CHARS).map(question),
    st.dictionaries(words, values, max_size=3).map(progress),
    st.sampled_from(["ab", "bc", "ca"]).map(lambda keys: progress(dict.fromkeys(keys, HALF))),
    st.text("ab7 é-", min_size=1, max_size=CLASS_ID_CHARS).map(class_of),
)
not_well_formed = st.one_of(
    st.text().filter(lambda text: "{" not in text),
    values.filter(lambda value: not isinstance(value, dict)).map(json.dumps),
    words.map(lambda kind: said(kind, payload={}, class_id="7b")),
    values.map(lambda value: said("STUDENT_INTERRUPTION", payload={"questionText": value, "and": 1})),
    values.filter(lambda value: not isinstance(value, dict)).map(lambda value: said("READING_PROGRESS", payload=value)),
    values.filter(lambda value: not isinstance(value, str)).map(lambda value: said("JOIN_CLASS", class_id=value)),
    words.map(lambda more: said("JOIN_CLASS", class_id="7b", **{f"{more}!": 1})),
    st.sampled_from(
        [
            said("STUDENT_INTERRUPTION", payload={"questionText": ""}),
            said("STUDENT_INTERRUPTION", payload={"questionText": "?" * (QUESTION_CHARS + 1)}),
            said("STUDENT_INTERRUPTION", payload={"questionText": "\ud800"}),
            said("READING_PROGRESS", payload={"a": "x" * PROGRESS_BYTES}),
            said("READING_PROGRESS", payload={"a": "\udc00"}),
            said("READING_PROGRESS", payload={"a": float("nan")}),
            said("READING_PROGRESS", payload={"a": float("inf")}),
            '{"type":"READING_PROGRESS","payload":{"a":1e999}}',
            '{"type":"READING_PROGRESS","payload":{"a":' + "9" * 5000 + "}}",
            '{"type":"READING_PROGRESS","payload":' + '{"a":' * 5000 + "1" + "}" * 5001,
            said("JOIN_CLASS", class_id="x" * (CLASS_ID_CHARS + 1)),
            said("JOIN_CLASS", class_id="\x00"),
            said("JOIN_CLASS", class_id=""),
            '{"type":"JOIN_CLASS","class_id":"7b"',
            "",
            "{",
            "[" * 30_000,
        ]
    ),
).map(lambda text: Step("malformed", text))
happens = st.one_of(well_formed, not_well_formed, st.sampled_from(["answer", "comes back", "broker"]).map(Step))


# ---- What is to come of it ----


class Model:
    """What is kept of a session, and what a student hears of each step."""

    def __init__(self) -> None:
        self.away = False
        self.progress: dict[str, Any] = {}
        self.class_id: str | None = None
        self.answers: list[str] = []
        self.kept = False
        self.asked = 0
        self.answered = 0

    def hears(self, step: Step) -> list[tuple[str, Any]]:
        """What is heard of what is said: types, with codes where these are errors."""
        if (code := self._refusal(step)) is not None:
            return [("ERROR", code)]
        match step.what:
            case "question":
                self.asked += 1
                return [("INTERRUPTION_ACKNOWLEDGED", None)]
            case "progress":
                self.progress = self._merged(step.value)
            case "class":
                self.class_id = step.value
        self.kept = True
        return []

    def _refusal(self, step: Step) -> str | None:
        if step.what == "malformed":
            return "malformed"
        if step.what == "class" and len(f"class:{step.value}".encode()) > NAME_BYTES:
            return "malformed"
        if self.away:
            return "broker_unavailable"
        if step.what == "question" and self.asked > WAITING_OF_A_SESSION:
            return "too_many_questions"
        if step.what == "progress" and len(json.dumps(self._merged(step.value), ensure_ascii=False)) > PROGRESS_BYTES:
            return "malformed"
        return None

    def _merged(self, payload: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in (self.progress | payload).items() if value is not None}

    def answer(self) -> str:
        """The next answer, half as long as all that are kept may be together."""
        self.answered += 1
        self.asked = max(0, self.asked - 1)
        answer = f"{self.answered} ".ljust(ANSWERS_CHARS // 2 if self.answered % 7 == 0 else 5, "!")
        self.answers.append(answer)
        while len(self.answers) > ANSWERS or sum(map(len, self.answers)) > ANSWERS_CHARS:
            self.answers.pop(0)
        self.kept = True
        return answer


def heard(student: Student) -> list[tuple[str, Any]]:
    """What a student has heard since the last time."""
    new, student.heard = student.envelopes, []
    assert all(each["detail"] for each in new if each["type"] == "ERROR")
    return [(each["type"], each.get("code", each.get("payload"))) for each in new]


async def happen(steps: list[Step]) -> None:
    """Let it happen, and compare after each step."""
    server, model, student = SessionServer(Store()), Model(), Student("ann")
    async with serving(server):
        await server.enter(student)
        for step in steps:
            expected: list[tuple[str, Any]]
            match step.what:
                case "answer" | "comes back" if model.away:
                    continue
                case "answer":
                    answer = model.answer()
                    await server.store.answer("ann", answer)
                    expected = [("INTERRUPTION_RESPONSE", {"response": answer})]
                case "comes back":
                    student.leave()
                    student = Student("ann")
                    await server.enter(student)
                    kept = {"progress": model.progress, "class_id": model.class_id}
                    new = heard(student)
                    for _, payload in new:
                        assert [each["response"] for each in payload.pop("answers")] == model.answers
                    assert new == ([("SESSION_RESTORED", kept)] if model.kept else [])
                    continue
                case "broker":
                    model.away = not model.away
                    server.break_down() if model.away else server.mend()
                    await settled()
                    expected = []
                case _:
                    expected = model.hears(step)
                    student.say(step.text)
            await settled()
            assert heard(student) == expected, step
            assert student.close_frame is None
        assert server.sessions.complaint_about_one_more("x") is None
        student.leave()


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(happens, st.sampled_from([1, 1, 1, 2, 12])), max_size=20))
async def test_each_message_has_its_one_answer_and_no_other_and_nothing_is_raised(
    caplog: pytest.LogCaptureFixture, steps: list[tuple[Step, int]]
):
    caplog.clear()
    await happen([step for step, times in steps for _ in range(times)])
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []
