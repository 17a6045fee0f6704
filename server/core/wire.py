"""The words on the wire: what the server says, and what a client of `ebb.v1` may say.

Owns every message, its fields and its limits; a message is encoded once for each form (plain text, envelope) however
many clients read it. Refuses to know connections. The envelopes are described in `docs/wire.md`.
"""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from server.core.frame import Frame

SUBPROTOCOL = "ebb.v1"


class Form(StrEnum):
    """The two ways in which a client can be spoken to."""

    PLAIN = "plain"
    ENVELOPE = "envelope"


# ---- Server to client ----


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, serialize_by_alias=True, populate_by_name=True)

    def frame(self) -> Frame:
        """Encode as JSON text."""
        return Frame.of(self.model_dump_json())


class Welcome(_Said):
    """First on every `ebb.v1` connection. `seq` is the last message published; `ping_s` how often the server pings."""

    type: Literal["welcome"] = "welcome"
    connection: str
    epoch: str
    seq: int
    ping_s: float | None


class Message(_Said):
    """A broadcast (`room` null: for everyone). `from` is null when the server itself speaks.

    `named`: the sender chose its own name (`/ws/{client_id}`), which plain clients then read before its text.
    """

    type: Literal["message"] = "message"
    seq: int
    room: str | None
    sender: str | None = Field(alias="from")
    data: Any
    at: datetime
    named: bool = Field(default=False, exclude=True)

    def encode(self, form: Form) -> Frame:
        """Encode for all clients of one form: the whole envelope, or text as it is and other data as JSON text."""
        if form is Form.ENVELOPE:
            return self.frame()
        text = self.data if isinstance(self.data, str) else json.dumps(self.data, ensure_ascii=False)
        return Frame.of(f"Client {self.sender}: {text}" if self.named else text)


class Ack(_Said):
    """A `publish` has its place in the sequence."""

    type: Literal["ack"] = "ack"
    id: str
    seq: int


class Draining(_Said):
    """The drain notice, the same JSON text in both forms. Seconds count from now."""

    type: Literal["draining"] = "draining"
    deadline_s: float
    deadline_at: datetime
    reconnect_after_s: float


class Gap(_Said):
    """A resume cannot be served: what came after `after` and before `next` is not to be had here."""

    type: Literal["gap"] = "gap"
    after: int
    next: int


class Refusal(_Said):
    """A client's message that was not carried out, and why. The connection stays."""

    type: Literal["error"] = "error"
    code: str
    detail: str


# ---- Client to server ----

Room = Annotated[str, Field(min_length=1, max_length=200)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Publish(_Asked):
    """Send `data` to everyone else, or to everyone else in `room`. Answered by `ack` with the same `id`."""

    type: Literal["publish"]
    id: str = Field(min_length=1, max_length=200)
    room: Room | None = None
    data: Any


class Join(_Asked):
    """Enter a room."""

    type: Literal["join"]
    room: Room


class Leave(_Asked):
    """Leave a room."""

    type: Literal["leave"]
    room: Room


Request = Publish | Join | Leave
_requests: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="type")])


class Malformed(ValueError):
    """A text that is no request; says in one line which field, what is allowed and what was there."""


def parse(text: str) -> Request:
    """Read one request of an `ebb.v1` client. Raises Malformed."""
    try:
        return _requests.validate_json(text)
    except ValidationError as error:
        raise Malformed(_explain(error)) from None


class Chat(_Asked):
    """What `/ws/json` understands."""

    action: Literal["chat"]
    msg: str


def parse_chat(text: str) -> Chat:
    """Read one message on `/ws/json`. Raises Malformed."""
    try:
        return Chat.model_validate_json(text)
    except ValidationError as error:
        raise Malformed(_explain(error)) from None


class Position(BaseModel):
    """Where a resuming client stands: `?epoch=E&seq=N`, both or neither."""

    model_config = ConfigDict(frozen=True)

    epoch: str = Field(min_length=1, max_length=200)
    seq: int = Field(ge=0)


def parse_position(query: dict[str, str]) -> Position | None:
    """Read a resume from a handshake's query; None when there is none. Raises Malformed."""
    if not query.keys() & {"epoch", "seq"}:
        return None
    try:
        return Position.model_validate({key: query.get(key) for key in ("epoch", "seq")})
    except ValidationError as error:
        first = error.errors()[0]
        raise Malformed(f"{first['loc'][0]}={first['input']!r}: {first['msg']}") from None


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "message"
    return f"{field}: {first['msg']}"
