"""The files, or parts of files, that a command writes: of each what it should say, and the command.

Whoever changes a model, an import, a setting or a specimen runs that command; a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from docs import cured, grants, metrics, rooms, specimens, surviving
from harness.targets.form import schema as target_schema
from server import schema

ROOT = Path(__file__).parent.parent
TYPES = "clients/typescript/src/messages.ts"


GRANTED = (
    "deploy/kubernetes/ebb.yaml",
    "deploy/compose.yaml",
    "deploy/systemd/ebb.service",
    "deploy/systemd/ebb-activated.service",
    "deploy/nginx/nginx.conf",
    "deploy/haproxy/haproxy.cfg",
)


@dataclass(frozen=True)
class Written:
    """A file that `command` writes: from what is there, `should_say` makes what should be there."""

    command: str
    should_say: Callable[[str], str]


def granted(file: str) -> Written:
    """One of the files that say how long a stop may take."""
    return Written("python -m docs.grants", lambda text: grants.drawn(grants.files() | {file: text})[file])


WRITTEN = {
    "docs/wire.schema.json": Written(
        "python -m server.schema messages > docs/wire.schema.json", lambda _: schema.messages() + "\n"
    ),
    "docs/asyncapi.json": Written(
        "python -m server.schema asyncapi > docs/asyncapi.json", lambda _: schema.asyncapi() + "\n"
    ),
    "harness/targets/target.schema.json": Written(
        "python -m harness schema > harness/targets/target.schema.json",
        lambda _: json.dumps(target_schema(), indent=2) + "\n",
    ),
    "docs/architecture.md": Written("python -m docs.rooms", rooms.drawn),
    "docs/metrics.md": Written("python -m docs.metrics", metrics.drawn),
    "docs/surviving-a-deploy.md": Written("python -m docs.surviving", surviving.drawn),
    "docs/cure.md": Written("python -m docs.cured --examples", cured.with_examples),
    "tests/specimens/README.md": Written("python -m docs.specimens", specimens.drawn),
    **{file: granted(file) for file in GRANTED},
}
NEEDS_NPM = {TYPES: Written(f"python -m server.schema typescript > {TYPES}", lambda _: schema.typescript() + "\n")}


def drift(file: str, text: str) -> str | None:
    """What to do where `text`, as the contents of a file, is not what its command would write; else None."""
    written = (WRITTEN | NEEDS_NPM)[file]
    return None if written.should_say(text) == text else f"{file} lags behind: {written.command}"
