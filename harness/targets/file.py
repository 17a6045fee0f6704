"""Target files: a server as it declares itself, in TOML. Every field of `harness.targets.declaration.Profile` is a key.

Owns the form and its errors: one line that names the file, the key, what is there and what is allowed.

    base = "uvicorn"                      # begin with a target known by name; without it, with the defaults
    command = "{python} -m uvicorn your.app:app --port {port}"      # or a list of words
    health = "none"                       # what it does not have: "none", or false
    drained_statuses = [0]
"""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ..clients.dialects import DIALECTS
from .declaration import Profile
from .known import TARGETS

PATHS = frozenset({"ready", "health", "metrics", "broadcast", "ws", "talk", "heavy"})
KINDS: dict[str, str] = {field.name: str(field.type) for field in fields(Profile)}


class TargetFileError(ValueError):
    """A target file that cannot be used; its text is one line for the person who wrote it."""


def load(path: Path) -> Profile:
    """Read a target file. Raises TargetFileError."""
    try:
        written = tomllib.loads(path.read_text())
    except OSError as error:
        raise TargetFileError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetFileError(f"{path}: not TOML: {error}") from None
    try:
        return read(written)
    except ValueError as error:
        raise TargetFileError(f"{path}: {error}") from None


def read(written: dict[str, Any]) -> Profile:
    """The profile that the keys of a target file describe. Raises ValueError, which names the key."""
    base = written.pop("base", None)
    if base is not None and base not in TARGETS:
        raise ValueError(f"base = {base!r} is not allowed: one of {', '.join(TARGETS)}")
    unknown = sorted(set(written) - set(KINDS))
    if unknown:
        raise ValueError(f"there is no key {unknown[0]!r}: allowed are base, {', '.join(KINDS)}")
    declared = {key: value_of(key, value) for key, value in written.items()}
    profile = replace(TARGETS[base] if base else Profile(command=()), **declared)
    if not any("{port}" in word for word in profile.command):
        raise ValueError("command has no {port}: the harness chooses the port and has to tell it")
    return profile


def value_of(key: str, value: object) -> Any:
    """The value of one key, as the profile has it. Raises ValueError, which says what is allowed."""
    kind = KINDS[key]
    if kind.endswith("| None") and value in ("none", False):
        return None
    allowed, converted = _convert(key, kind.removesuffix(" | None"), value)
    if converted is None:
        or_none = ', or "none"' if kind.endswith("| None") else ""
        raise ValueError(f"{key} = {value!r} is not allowed: {allowed}{or_none}")
    return converted


def _convert(key: str, kind: str, value: object) -> tuple[str, Any]:
    """What is allowed, and the value as that; None where it is not."""
    match kind:
        case "tuple[str, ...]":
            words = shlex.split(value) if isinstance(value, str) else value
            fits = isinstance(words, list) and bool(words) and all(isinstance(word, str) for word in words)
            return "words, as a list or in one text", tuple(words) if fits else None  # type: ignore[arg-type]  # `fits` looked
        case "tuple[int, ...]":
            fits = isinstance(value, list) and bool(value) and all(type(status) is int for status in value)
            return "a list of exit statuses", tuple(value) if fits else None  # type: ignore[arg-type]  # `fits` looked
        case "float":
            fits = type(value) in (int, float) and 0 <= value < float("inf")  # type: ignore[operator]  # a number, by now
            return "seconds, 0 or more", float(value) if fits else None  # type: ignore[arg-type]  # `fits` looked
        case "int":
            return "a whole number, 1 or more", value if type(value) is int and value >= 1 else None
        case "bool":
            return "true or false", value if isinstance(value, bool) else None
        case _ if key in PATHS:
            return "a path, which begins with /", value if isinstance(value, str) and value.startswith("/") else None
        case _ if key == "dialect":
            return f"one of {', '.join(sorted(DIALECTS))}", value if value in DIALECTS else None
        case _:
            return "a text", value if isinstance(value, str) and value else None
