"""The form of a target file: its keys, the field of a profile that each key sets, and a JSON Schema of them.

Owns which fields are in tables, the former names of keys, and how the schema follows from the models. Refuses to know
TOML, files and options. Pure.

A key is written with its table: `paths.ready`. `base` is the one key that is no field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from .declaration import Profile

NONE = ("none", False)
TABLES = {
    "paths": {
        **{name: name for name in ("ws", "ready", "health", "metrics", "broadcast", "heavy", "stream")},
        "talk": "talk_path",
    },
    "statuses": {"drained": "drained_statuses", "forced": "forced_statuses", "startup": "startup_statuses"},
}
_IN_TABLES = {field: f"{table}.{key}" for table, keys in TABLES.items() for key, field in keys.items()}


def key_of(field: str) -> str:
    """The key that sets a field of the profile."""
    return _IN_TABLES.get(field, field)


KEYS: dict[str, str] = {key_of(field): field for field in Profile.model_fields}
FORMER: dict[str, str] = {field: key for key, field in KEYS.items() if key != field} | {
    "timeout_env": "drain_timeout_env"
}


def may_be_none(field: str) -> bool:
    """Whether a target may declare that it does not have this."""
    return type(None) in get_args(Profile.model_fields[field].annotation)


def is_none(value: Any) -> bool:
    """Whether a file says with this value that there is no such thing."""
    return value is False or value == "none"


def flat(written: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The values by key, with tables flattened, and the former names that were used, each with its present key.

    Raises ValueError for an unknown key, and for a table that is no table.
    """
    found: dict[str, Any] = {}
    former: dict[str, str] = {}
    for name, value in written.items():
        if name in TABLES:
            found |= _unfolded(name, value)
        elif name == "talk" and isinstance(value, str):  # the former name of the path, before there was such a table
            former["talk"] = key_of("talk_path")
            found[former["talk"]] = value
        elif name in FORMER:
            former[name] = FORMER[name]
            found[former[name]] = value
        elif name in KEYS:
            found[name] = value
        else:
            raise ValueError(f"there is no key {name!r}: allowed are base, {', '.join(KEYS)}")
    return found, former


def nested(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a profile as a file has them, in the order of the form."""
    lines: dict[str, Any] = {}
    for key, field in KEYS.items():
        table, _, name = key.rpartition(".")
        if field in declared:
            (lines.setdefault(table, {}) if table else lines)[name] = declared[field]
    return lines


def schema() -> dict[str, Any]:
    """The JSON Schema of a target file (draft 2020-12), for editors."""
    model = Profile.model_json_schema()
    properties = {field: _or_none(each) for field, each in model["properties"].items()}
    tables: dict[str, dict[str, Any]] = {
        table: {"type": "object", "additionalProperties": False, "properties": {}, "description": f"The {table} of it."}
        for table in TABLES
    }
    top: dict[str, Any] = {"base": {"type": "string", "description": "A target known by name: what is not written."}}
    for key, field in KEYS.items():
        table, _, name = key.rpartition(".")
        if table:
            top[table] = tables[table]
        (tables[table]["properties"] if table else top)[name] = properties[field]
    talk = model["$defs"]["Talk"]["properties"]
    talk |= {name: _or_none(each) for name, each in talk.items()}
    talk["as"] = {"type": "string", "description": "A protocol that is shipped: what the table does not say."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A target of Ebb",
        "type": "object",
        "additionalProperties": False,
        "properties": top,
        "$defs": model["$defs"],
    }


def _unfolded(table: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{table} = {value!r} is not allowed: a table of {', '.join(TABLES[table])}")
    for name in value:
        if name not in TABLES[table]:
            raise ValueError(f"there is no key '{table}.{name}': allowed are {', '.join(TABLES[table])}")
    return {f"{table}.{name}": each for name, each in value.items()}


def _or_none(written: dict[str, Any]) -> dict[str, Any]:
    """A schema for a file: without titles that repeat the key, and with "none" where the model has null."""
    kept = {name: each for name, each in written.items() if name != "title" and (name, each) != ("default", None)}
    if {"type": "null"} not in kept.get("anyOf", ()):
        return kept
    choices = [each for each in kept["anyOf"] if each != {"type": "null"}]
    return kept | {"anyOf": [*choices, {"enum": list(NONE)}]}
