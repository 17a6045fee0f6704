"""The schemas of the wire: one JSON Schema of every message, and AsyncAPI 3.0 of every channel.

Owns how both follow from the models and from the `catalogue`. Refuses to know files, and how TypeScript is made of the
first. Pure. Sources: JSON Schema draft 2020-12, AsyncAPI 3.0.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import core_schema

from . import sessions, wire
from .catalogue import CHANNELS, Channel, Saying, Text, example_of
from .close_codes import MEANINGS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
UNIONS: dict[str, tuple[Any, JsonSchemaMode]] = {
    "EbbServerMessage": (wire.EbbServerMessage, "serialization"),
    "EbbClientMessage": (wire.EbbClientMessage, "validation"),
    "JsonClientMessage": (wire.Chat, "validation"),
    "JsonAnswer": (wire.JsonAnswer, "serialization"),
    "HeavyAnswer": (wire.HeavyAnswer, "serialization"),
    "SessionServerMessage": (sessions.SessionServerMessage, "serialization"),
    "SessionClientMessage": (sessions.SessionClientMessage, "validation"),
}
DESCRIPTION = "Every JSON message on the wire of Ebb's reference server. docs/wire.md says what each means."


class _OnTheWire(GenerateJsonSchema):
    """Says what is on the wire: no title that repeats a field's name, and no default of what the server says."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if self.mode == "serialization":
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def messages() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of every message: any of the unions in its `$defs`."""
    asked = [(name, mode, TypeAdapter(union)) for name, (union, mode) in UNIONS.items()]
    found, definitions = TypeAdapter.json_schemas(asked, schema_generator=_OnTheWire)
    unions = {name: {"title": name, **_union(found[name, mode])} for name, (_, mode) in UNIONS.items()}
    return {
        "$schema": DIALECT,
        "title": "Message",
        "description": DESCRIPTION,
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in unions],
        "$defs": unions | definitions["$defs"],
    }


def asyncapi() -> dict[str, Any]:
    """AsyncAPI 3.0 of every channel. `receive` is what the server receives, `send` what it sends."""
    definitions = messages()["$defs"]
    sayings = {name_of(each): each for channel in CHANNELS for each in (*channel.client, *channel.server)}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Ebb", "version": wire.SUBPROTOCOL, "description": DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "127.0.0.1:8000", "protocol": "ws"}},
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {
            f"{channel.name}.{action}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{channel.name}"},
                "messages": [{"$ref": f"#/channels/{channel.name}/messages/{name_of(each)}"} for each in said],
            }
            for channel in CHANNELS
            for action, said in (("receive", channel.client), ("send", channel.server))
        },
        "components": {
            "messages": {name: _message(each) for name, each in sayings.items()},
            "schemas": _under_components({name: each for name, each in definitions.items() if name not in UNIONS}),
        },
        "x-close-codes": {
            str(code.value): {"reason": meaning.reason, "reconnect": meaning.come_back}
            for code, meaning in MEANINGS.items()
        },
    }


def _union(schema: JsonSchemaValue) -> JsonSchemaValue:
    """A union of one keeps the name of that one for it."""
    return schema if "oneOf" in schema else {"oneOf": [schema]}


def name_of(said: Saying) -> str:
    """The name of a message in the schemas."""
    return said.name if isinstance(said, Text) else said.__name__


def _channel(channel: Channel) -> dict[str, Any]:
    said = [name_of(each) for each in (*channel.client, *channel.server)]
    names = re.findall(r"{(\w+)}", channel.address)
    asked: dict[str, Any] = {"method": "GET"}
    if channel.arrives:
        asked["query"] = _query(with_position=channel.subprotocol is not None)
    if channel.subprotocol is not None:
        protocol = {"type": "string", "const": channel.subprotocol}
        asked["headers"] = {"type": "object", "properties": {"Sec-WebSocket-Protocol": protocol}}
    return {
        "address": channel.address,
        "summary": channel.summary,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in said},
        "parameters": {name: {"description": "A name that the client chooses."} for name in names},
        "bindings": {"ws": asked},
    }


def _query(*, with_position: bool) -> dict[str, Any]:
    """What the query of a handshake may hold; `room` may be there several times."""
    arrival = wire.Arrival.model_json_schema(schema_generator=_OnTheWire)
    position = arrival["$defs"]["Position"]["properties"] if with_position else {}
    return {"type": "object", "properties": {**position, "room": arrival["properties"]["rooms"]}}


def _message(said: Saying) -> dict[str, Any]:
    if isinstance(said, Text):
        return {
            "name": said.name,
            "summary": said.summary,
            "contentType": "text/plain",
            "payload": {"type": "string"},
            "examples": [{"payload": said.example}],
        }
    return {
        "name": said.__name__,
        "summary": _first_line(said),
        "payload": {"$ref": f"#/components/schemas/{said.__name__}"},
        "examples": [{"payload": json.loads(example_of(said))}],
    }


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").partition("\n")[0]


def _under_components(schema: Any) -> Any:
    """The same schema with references to where AsyncAPI keeps them."""
    match schema:
        case {"$ref": str(there)}:
            return {**schema, "$ref": there.replace("#/$defs/", "#/components/schemas/")}
        case Mapping():
            return {key: _under_components(each) for key, each in schema.items()}
        case list():
            return [_under_components(each) for each in schema]
        case _:
            return schema
