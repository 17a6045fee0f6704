"""What all texts on the wire have in common, whatever they say.

Owns how a message of the server becomes a frame, and how a client's text becomes a request, or a clear word on what is
wrong with it. The messages themselves are in `wire` and `session_wire`.
"""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from .frame import Frame

Request = TypeVar("Request")


class ServerMessage(BaseModel):
    """A message of the server."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, populate_by_name=True)

    def frame(self) -> Frame:
        """Encode as JSON text."""
        return Frame.of(self.model_dump_json())


class ClientMessage(BaseModel):
    """A message of a client. It has no fields but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Malformed(ValueError):
    """A text that is no request; says in one line which field, what is allowed and what was there."""


def read(requests: TypeAdapter[Request], text: str) -> Request:
    """Read one request. Raises Malformed."""
    try:
        return requests.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "message"
        raise Malformed(f"{field}: {first['msg'].removeprefix('Value error, ')}") from None
