"""The words of the session protocol: what client and server say on `/ws/session/{session_id}`, and what is stored.

Owns every message of it, the stored state, and their limits. Refuses to know connections and the store. Described, to
the letter, in `docs/sessions.md`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, field_validator
from pydantic.json_schema import SkipJsonSchema

from .wire import ClientMessage, Complaint, Draining, ServerMessage, read

QUESTION_CHARS = 4000
CLASS_ID_CHARS = 150
PROGRESS_BYTES = 16_384
ANSWERS = 10
ANSWERS_CHARS = 65_536


RefusalCode = Literal["malformed", "too_many_questions", "broker_unavailable", "forbidden", "rate_limited"]

# ---- Kept, and given back ----


class Answer(BaseModel):
    """An answer, and when a process first read it."""

    model_config = ConfigDict(frozen=True)

    response: str
    at: datetime


class State(BaseModel):
    """What is kept of a session. Fields that a newer version wrote are kept as they are."""

    model_config = ConfigDict(frozen=True, extra="allow", json_schema_serialization_defaults_required=True)

    progress: dict[str, JsonValue] = {}
    class_id: str | None = None
    answers: tuple[Answer, ...] = ()


# ---- Server to client ----


class Restored(ServerMessage):
    """First on a connection, if something is kept of its session."""

    type: Literal["SESSION_RESTORED"] = "SESSION_RESTORED"
    payload: State


class Acknowledged(ServerMessage):
    """A question was taken, and will be asked."""

    type: Literal["INTERRUPTION_ACKNOWLEDGED"] = "INTERRUPTION_ACKNOWLEDGED"
    timestamp: datetime


class SessionResponse(BaseModel):
    """The text of an answer."""

    response: str


class Responded(ServerMessage):
    """A question was answered."""

    type: Literal["INTERRUPTION_RESPONSE"] = "INTERRUPTION_RESPONSE"
    payload: SessionResponse

    @classmethod
    def of(cls, answer: Answer) -> Responded:
        """Say an answer."""
        return cls(payload=SessionResponse(response=answer.response))


class Refused(Complaint):
    """A message that was not carried out, and why. The connection stays. `retry_after_s`: with `rate_limited`."""

    type: Literal["ERROR"] = "ERROR"
    code: RefusalCode
    detail: str
    retry_after_s: float | SkipJsonSchema[None] = None

    model_config = ConfigDict(json_schema_extra={"required": ["type", "code", "detail"]})


# Beside whatever is published to a class.
SessionServerMessage = Annotated[Restored | Acknowledged | Responded | Refused | Draining, Field(discriminator="type")]

# ---- Client to server ----


class QuestionText(ClientMessage):
    """The text of a question."""

    text: str = Field(alias="questionText", min_length=1, max_length=QUESTION_CHARS)


class Interruption(ClientMessage):
    """A question: acknowledged at once, answered by INTERRUPTION_RESPONSE when there is an answer."""

    type: Literal["STUDENT_INTERRUPTION"]
    payload: QuestionText


class ReadingProgress(ClientMessage):
    """How far a student has come: fields of the stored progress to set, or to remove (null)."""

    type: Literal["READING_PROGRESS"]
    payload: dict[str, JsonValue]

    @field_validator("payload")
    @classmethod
    def _fits(cls, payload: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if (size := size_of(payload)) > PROGRESS_BYTES:
            raise ValueError(f"{size} bytes of JSON, limit {PROGRESS_BYTES}")
        return payload


class JoinClass(ClientMessage):
    """Enter the room of a class, and leave that of the former one."""

    type: Literal["JOIN_CLASS"]
    class_id: str = Field(min_length=1, max_length=CLASS_ID_CHARS)


Request = Interruption | ReadingProgress | JoinClass
SessionClientMessage = Annotated[Request, Field(discriminator="type")]
_requests: TypeAdapter[Request] = TypeAdapter(SessionClientMessage)


def parse(text: str) -> Request:
    """Read one message of a client. Raises Malformed."""
    return read(_requests, text)


def stored(value: Mapping[str, object]) -> State:
    """Read what is kept of a session. Raises ValueError for what is not a state, or is larger than one may be."""
    state = State.model_validate(value)
    size = size_of(state.progress)
    chars = sum(len(answer.response) for answer in state.answers)
    more = len(state.model_dump_json(exclude={"progress", "answers"}))
    if size > PROGRESS_BYTES or len(state.answers) > ANSWERS or chars > ANSWERS_CHARS or more > PROGRESS_BYTES:
        raise ValueError("larger than a state may be")
    return state


def size_of(progress: Mapping[str, JsonValue]) -> int:
    """Count the bytes that a progress has as JSON. Raises ValueError for numbers that JSON does not have."""
    return len(json.dumps(progress, ensure_ascii=False, allow_nan=False).encode())
