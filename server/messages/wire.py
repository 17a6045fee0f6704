"""The words on the wire: what the server says, and what a client of `ebb.v1` may say.

Owns every message, its fields and its limits; how a message of the server becomes a frame; and how the text of a client
becomes a request, or one line that says what is wrong with it. Refuses to know connections. The envelopes are described
in `docs/wire.md`; what is in the log, and how it is encoded for many at once, is in `history`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.json_schema import SkipJsonSchema

from .frame import Frame

T = TypeVar("T")

Id = Annotated[str, Field(min_length=1, max_length=200)]
_ids: TypeAdapter[str] = TypeAdapter(Id, config=ConfigDict(strict=True))

SUBPROTOCOL = "ebb.v1"
TEXT_SUBPROTOCOL = "ebb.text"  # plain text, for clients that must ask for one: those that show a token so
MOST_ROOMS = 100  # in one handshake


class Form(StrEnum):
    """The two forms in which a client is sent messages."""

    PLAIN = "plain"
    ENVELOPE = "envelope"


# ---- What all messages have in common ----


class ServerMessage(BaseModel):
    """A message of the server. All of its fields are always there, and its schema says so; but see `Complaint`."""

    model_config = ConfigDict(
        frozen=True,
        serialize_by_alias=True,
        populate_by_name=True,
        json_schema_serialization_defaults_required=True,
    )

    def frame(self) -> Frame:
        """Encode as JSON text."""
        return Frame.of(self.model_dump_json())


class Complaint(ServerMessage):
    """Why a client's message was not carried out. What there is not to say is left out, and its schema says so."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    def frame(self) -> Frame:
        """Encode as JSON text."""
        return Frame.of(self.model_dump_json(exclude_none=True))


class ClientMessage(BaseModel):
    """A message of a client. It has no fields but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Malformed(ValueError):
    """A text that is no request; says in one line which field, what is allowed and what was there.

    `id`: the one that the text gives itself, where it can be read and said again.
    """

    def __init__(self, complaint: str, id: str | None = None) -> None:
        super().__init__(complaint)
        self.id = id


def read(requests: TypeAdapter[T], text: str) -> T:
    """Read one request. Raises Malformed."""
    try:
        return requests.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "message"
        raise Malformed(f"{field}: {first['msg'].removeprefix('Value error, ')}", id_of(text)) from None


# What the server says on the plain endpoints, where anything else is what somebody said.
OFFICIAL = {"draining", "expiring", "error"}


def looks_official(text: str) -> bool:
    """Whether a text could be taken for the server's own word: a JSON object with such a `type`."""
    if not text.lstrip().startswith("{"):
        return False
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return said.get("type") in OFFICIAL if isinstance(said.get("type"), str) else False


def id_of(text: str) -> str | None:
    """The id in a text that is not carried out. The standard library reads some JSON that pydantic does not."""
    try:
        said = json.loads(text)
        return _ids.validate_python(said.get("id")) if isinstance(said, dict) else None
    except (ValueError, RecursionError):
        return None


# ---- Server to client ----


class Welcome(ServerMessage):
    """First on every `ebb.v1` connection. `seq` is the last message published; `ping_s` how often the server pings."""

    type: Literal["welcome"] = "welcome"
    connection: str
    epoch: str
    seq: int
    ping_s: float | None


class Envelope(ServerMessage):
    """A message as a client of `ebb.v1` reads it. `room` null: for everyone, or for this client alone.

    `from` is null when the server itself speaks.
    """

    type: Literal["message"] = "message"
    seq: int
    room: str | None
    sender: str | None = Field(alias="from")
    data: Any
    at: datetime


class Ack(ServerMessage):
    """A `publish` has its place in the sequence."""

    type: Literal["ack"] = "ack"
    id: str
    seq: int


class Draining(ServerMessage):
    """The drain notice, the same JSON text in both forms. Seconds count from now."""

    type: Literal["draining"] = "draining"
    deadline_s: float
    deadline_at: datetime
    reconnect_after_s: float


class Resumed(ServerMessage):
    """The resume is served: `replayed` messages follow, up to number `seq`, and then what is new."""

    type: Literal["resumed"] = "resumed"
    epoch: str
    seq: int
    replayed: int


class Gap(ServerMessage):
    """What came after `after` and before `next` is lost. Numbers go on in `epoch`."""

    type: Literal["gap"] = "gap"
    after: int
    next: int
    epoch: str


class Refusal(Complaint):
    """A client's message that was not carried out, and why. The connection stays.

    `id`: that of the message; missing where it has none, or none that can be read. `retry_after_s`: after how many
    seconds a client that is `rate_limited` may send a burst again.
    """

    type: Literal["error"] = "error"
    code: Literal["malformed", "broker_unavailable", "forbidden", "unauthorized", "too_many_rooms", "rate_limited"]
    detail: str
    id: str | SkipJsonSchema[None] = None
    retry_after_s: float | SkipJsonSchema[None] = None

    model_config = ConfigDict(json_schema_extra={"required": ["type", "code", "detail"]})


class Expiring(ServerMessage):
    """The client's token is about to expire: it is closed with 4401 in so many seconds, unless it renews it."""

    type: Literal["expiring"] = "expiring"
    expires_in_s: float


class Renewed(ServerMessage):
    """A `renew` was accepted; seconds until the new token expires, null for never."""

    type: Literal["renewed"] = "renewed"
    expires_in_s: float | None


# On a connection of `ebb.v1`.
EbbServerMessage = Annotated[
    Welcome | Envelope | Ack | Draining | Resumed | Gap | Refusal | Expiring | Renewed, Field(discriminator="type")
]

# ---- Client to server ----

Room = Annotated[str, Field(min_length=1, max_length=200)]


class Publish(ClientMessage):
    """Send `data` to everyone else, or to everyone else in `room`. Answered by `ack` with the same `id`."""

    type: Literal["publish"]
    id: Id
    room: Room | None = None
    data: Any


class Join(ClientMessage):
    """Enter a room."""

    type: Literal["join"]
    room: Room


class Leave(ClientMessage):
    """Leave a room."""

    type: Literal["leave"]
    room: Room


class Renew(ClientMessage):
    """Show a new token, of the same subject, before the former one expires. Answered by `renewed`, or `error`."""

    type: Literal["renew"]
    token: str = Field(min_length=1, max_length=8192)


Request = Publish | Join | Leave | Renew
EbbClientMessage = Annotated[Request, Field(discriminator="type")]
_requests: TypeAdapter[Request] = TypeAdapter(EbbClientMessage)


def parse(text: str) -> Request:
    """Read one request of an `ebb.v1` client. Raises Malformed."""
    return read(_requests, text)


# ---- `/ws/json` and `/ws/heavy` ----


class Chat(ClientMessage):
    """What `/ws/json` understands."""

    action: Literal["chat"]
    msg: str


_chat = TypeAdapter(Chat)


def parse_chat(text: str) -> Chat:
    """Read one message on `/ws/json`. Raises Malformed."""
    return read(_chat, text)


class Echo(ServerMessage):
    """What `/ws/json` answers."""

    status: Literal["ok"] = "ok"
    echo: str


class Proof(ServerMessage):
    """What `/ws/heavy` answers: the least `nonce` for which SHA-256 of `{text}:{nonce}` begins with four zeros."""

    status: Literal["ok"] = "ok"
    nonce: int
    sha256: str


class NotDone(Complaint):
    """What `/ws/json` and `/ws/heavy` answer where there is no result, and why; `retry_after_s` to who is too fast."""

    status: Literal["error"] = "error"
    detail: str
    retry_after_s: float | SkipJsonSchema[None] = None

    model_config = ConfigDict(json_schema_extra={"required": ["status", "detail"]})


JsonAnswer = Annotated[Echo | NotDone, Field(discriminator="status")]
HeavyAnswer = Annotated[Proof | NotDone, Field(discriminator="status")]

# ---- The handshake ----


class Position(BaseModel):
    """Where a resuming client stands: `?epoch=E&seq=N`, both or neither."""

    model_config = ConfigDict(frozen=True)

    epoch: str = Field(min_length=1, max_length=200)
    seq: int = Field(ge=0)


class Arrival(BaseModel):
    """What a client asks for in its handshake: `?epoch=E&seq=N&room=a&room=b`, to resume, to be in rooms, or both."""

    model_config = ConfigDict(frozen=True)

    position: Position | None = None
    rooms: tuple[Room, ...] = Field((), max_length=MOST_ROOMS)


def parse_arrival(query: Iterable[tuple[str, str]]) -> Arrival:
    """Read the query of a handshake; what is not ours in it is left alone. Raises Malformed."""
    query = list(query)
    position = {name: value for name, value in query if name in ("epoch", "seq")}
    rooms = [value for name, value in query if name == "room"]
    try:
        wanted = {"epoch": None, "seq": None, **position} if position else None
        return Arrival.model_validate({"position": wanted, "rooms": rooms})
    except ValidationError as error:
        first = error.errors()[0]
        name = next((part for part in reversed(first["loc"]) if isinstance(part, str)), "query")
        raise Malformed(f"{name}={first['input']!r}: {first['msg']}") from None
