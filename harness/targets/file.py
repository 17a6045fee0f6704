"""Target files: a server as it declares itself, in TOML. `harness.targets.form` lists the keys.

Owns how a file is read and its errors: one line that names the file, the key, its value and what is allowed.

    base = "uvicorn"                      # begin with a target known by name; without it, with the defaults
    command = "{python} -m uvicorn your.app:app --port {port}"      # or a list of words
    cwd = "services/shop"                 # relative to the folder of the file
    paths = { ws = "/chat/{client}", health = "none" }      # what it does not have: "none", or false
    statuses = { drained = [0] }
"""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import tomli_w
from pydantic import ValidationError

from .declaration import Profile
from .form import KEYS, flat, is_none, key_of, may_be_none, nested
from .known import BASES
from .talk import Talk
from .talk import read as read_talk
from .talks import with_its_base

TOLD_AT_THE_START = ("command", "cwd", "env")
_said: set[str] = set()


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
        return _seen_from(path.parent, read(written))
    except ValueError as error:
        raise TargetFileError(f"{path}: {error}") from None


def read(written: dict[str, Any], onto: Profile | None = None) -> Profile:
    """The profile that the keys of a target file describe; they change `onto`, if that is given.

    A key with a former name is reported once, on stderr. Raises ValueError, which names the key.
    """
    base = written.pop("base", None)
    if base is not None and str(base) not in BASES:
        raise ValueError(f"base = {base!r} is not allowed: one of {', '.join(BASES)}")
    keys, former = flat(written)
    for name, key in former.items():
        _say_once(f"{name} is called {key} now")
    fields = {KEYS[key]: _value(KEYS[key], value) for key, value in keys.items()}
    onto = BASES[base] if base else onto
    declared = onto.declared if onto else {}
    if fields.get("url", declared.get("url")):
        declared, fields = _not_started(declared, fields)
    elif ours := fields.keys() & {"pid", "stop", "signal"}:
        raise ValueError(f"{min(ours)} is for a target with url: what the harness has started it stops itself")
    talk = fields.get("talk")
    if isinstance(talk, Talk) and talk.path is not None and "ws" not in declared:
        fields.setdefault("ws", talk.path)
    try:
        profile = Profile(**{**declared, **fields})
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        or_none = ', or "none"' if may_be_none(field) else ""
        raise ValueError(f"{key_of(field)} = {fields[field]!r} is not allowed: {first['msg']}{or_none}") from None
    if not profile.url and not any("{port}" in text for text in (*profile.command, *profile.env.values())):
        raise ValueError("command has no {port}: the harness chooses the port and has to tell it, there or in env")
    return profile


def _not_started(declared: dict[str, Any], fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields for a target that something else has started: no variables, and its output is not seen."""
    for field in fields:
        if field in TOLD_AT_THE_START or field.endswith(("_env", "_command", "_options")):
            raise ValueError(
                f"{key_of(field)} is not allowed with url: the harness does not start it, and tells it nothing"
            )
    kept = {
        field: value
        for field, value in declared.items()
        if field not in TOLD_AT_THE_START and not field.endswith(("_env", "_command", "_options"))
    }
    path = urlsplit(str(fields.get("url", ""))).path
    return kept, {**({"ws": path} if path else {}), **fields, "logs": False}


def write(profile: Profile) -> str:
    """A profile as a target file, in the order in which the keys are documented."""
    said = profile.model_dump(mode="json", exclude_unset=True)
    said |= {"command": " ".join(map(_quoted, profile.command))} if profile.command else {}
    return tomli_w.dumps(_with_none(nested(said)))


def _quoted(word: str) -> str:
    """Quote a word like `shlex.quote`, but placeholders need no quotes."""
    return word if re.fullmatch(r"[\w@%+=:,./{}-]+", word, re.ASCII) else shlex.quote(word)


def _with_none(said: Any) -> Any:
    """Write None as "none": TOML has no null."""
    if isinstance(said, dict):
        return {key: _with_none(value) for key, value in said.items()}
    return "none" if said is None else said


def _value(field: str, written: Any) -> Any:
    if is_none(written) and may_be_none(field):
        return None
    return read_talk(with_its_base(written)) if field == "talk" and isinstance(written, dict) else written


def _seen_from(folder: Path, profile: Profile) -> Profile:
    return profile if profile.cwd is None else profile.changed(cwd=str(folder.absolute() / profile.cwd))


def _say_once(what: str) -> None:
    if what not in _said:
        _said.add(what)
        print(f"harness: {what}", file=sys.stderr)
