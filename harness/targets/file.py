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
from pathlib import Path
from typing import Any, get_args

import tomli_w
from pydantic import ValidationError

from .declaration import Profile
from .known import TARGETS
from .talk import read as read_talk


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
    if base is not None and str(base) not in TARGETS:
        raise ValueError(f"base = {base!r} is not allowed: one of {', '.join(TARGETS)}")
    if isinstance(written.get("talk"), str):  # as it was called while there was no table of this name
        written["talk_path"] = written.pop("talk")
    elif isinstance(written.get("talk"), dict):
        written["talk"] = read_talk(written["talk"])
    unknown = sorted(set(written) - set(Profile.model_fields))
    if unknown:
        raise ValueError(f"there is no key {unknown[0]!r}: allowed are base, {', '.join(Profile.model_fields)}")
    absent = [key for key, value in written.items() if (value is False or value == "none") and _may_be_none(key)]
    known = TARGETS[base].declared if base else {"command": ["a target without one"]}
    try:
        profile = Profile(**{**known, **written, **dict.fromkeys(absent)})
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        or_none = ', or "none"' if _may_be_none(key) else ""
        raise ValueError(f"{key} = {written[key]!r} is not allowed: {first['msg']}{or_none}") from None
    if not any("{port}" in word for word in profile.command):
        raise ValueError("command has no {port}: the harness chooses the port and has to tell it")
    return profile


def write(profile: Profile) -> str:
    """What a profile says about itself, as a target file, in the order in which the fields are documented."""
    said = profile.model_dump(mode="json", exclude_unset=True)
    lines = {key: "none" if said[key] is None else said[key] for key in Profile.model_fields if key in said}
    return tomli_w.dumps(lines | {"command": shlex.join(profile.command)})


def _may_be_none(key: str) -> bool:
    return type(None) in get_args(Profile.model_fields[key].annotation)
