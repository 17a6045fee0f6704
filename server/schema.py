"""The schemas of the server, printed: `python -m server.schema messages|asyncapi|typescript|openapi`.

Owns the command line, and how TypeScript is made of the JSON Schema: by `json2ts` of json-schema-to-typescript, from
`clients/typescript` in a checkout, else from the PATH. Refuses to know what is in a schema (`messages.schemas`; FastAPI
for `openapi`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .app import create_app
from .messages import schemas
from .settings import OneLineParser, load

FAILED = 1
NPM_BIN = Path(__file__).parent.parent / "clients" / "typescript" / "node_modules" / ".bin"
BANNER = "// Written from the server's models by `python -m server.schema typescript`: do not edit."
JSON2TS = ("--unknownAny", "--no-additionalProperties", "--style.printWidth=120", f"--bannerComment={BANNER}")


def main(argv: Sequence[str] | None = None, prog: str = f"python -m {__spec__.name}") -> int:
    """Print one schema; return 0, or 1 where there is no `json2ts` or it fails. Exits with 2 on bad usage."""
    parser = OneLineParser(prog=prog, description="Print a schema of the server.")
    which = "; ".join(f"{name}: {what}" for name, (_, what) in SCHEMAS.items())
    parser.add_argument("which", choices=SCHEMAS, metavar="|".join(SCHEMAS), help=which)
    make, _ = SCHEMAS[parser.parse_args(argv).which]
    try:
        print(make())
    except NoTypeScript as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return FAILED
    return 0


class NoTypeScript(Exception):
    """No TypeScript could be made; says why, and what to do."""


def typescript() -> str:
    """The types of every message. Raises NoTypeScript."""
    program = shutil.which("json2ts", path=f"{NPM_BIN}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        raise NoTypeScript("json2ts is missing: npm install --global json-schema-to-typescript")
    made = subprocess.run([program, *JSON2TS], input=messages(), capture_output=True, text=True, check=False)
    if made.returncode:
        raise NoTypeScript(f"json2ts failed: {made.stderr.strip()}")
    return made.stdout.rstrip()


def messages() -> str:
    """The JSON Schema of every message."""
    return written(schemas.messages())


def asyncapi() -> str:
    """AsyncAPI 3.0 of every channel."""
    return written(schemas.asyncapi())


def openapi() -> str:
    """OpenAPI of what HTTP answers, as FastAPI describes it."""
    return written(create_app(load()).openapi())


def written(schema: dict[str, Any]) -> str:
    """JSON as it is committed: two spaces, no line break at the end."""
    return json.dumps(schema, indent=2, ensure_ascii=False)


SCHEMAS: dict[str, tuple[Callable[[], str], str]] = {
    "messages": (messages, "the JSON Schema of every message on the wire"),
    "asyncapi": (asyncapi, "AsyncAPI 3.0 of every WebSocket path"),
    "typescript": (typescript, "the types of every message on the wire"),
    "openapi": (openapi, "OpenAPI of what HTTP answers"),
}

if __name__ == "__main__":
    sys.exit(main())
