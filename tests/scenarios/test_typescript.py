"""What Node looks at: the types made of the schema, AsyncAPI, and the client in TypeScript."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from server import schema
from tests.scenarios.needs import needs

ROOT = Path(schema.__file__).parent.parent
CLIENT = ROOT / "clients" / "typescript"
ASYNCAPI = ROOT / "docs" / "asyncapi.json"

pytestmark = [pytest.mark.scenario, needs("node", f"nodejs npm; npm ci in {CLIENT}", CLIENT / "node_modules")]


def node(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["node", *command], cwd=CLIENT, capture_output=True, text=True, timeout=50, check=False)


def test_the_committed_types_are_those_of_the_models():
    file = CLIENT / "src" / "messages.ts"
    command = f"python -m server.schema typescript > {file.relative_to(ROOT)}"
    assert schema.typescript() + "\n" == file.read_text(), command


def test_asyncapis_own_parser_takes_the_document():
    checked = node("check-asyncapi.mjs", str(ASYNCAPI))
    assert (checked.returncode, checked.stderr) == (0, "")


def test_asyncapis_own_parser_takes_no_operation_on_a_channel_that_is_not_there(tmp_path: Path):
    document = json.loads(ASYNCAPI.read_text())
    del document["channels"]["heavy"]
    broken = tmp_path / "asyncapi.json"
    broken.write_text(json.dumps(document))
    checked = node("check-asyncapi.mjs", str(broken))
    assert checked.returncode == 1
    assert "heavy" in checked.stderr
