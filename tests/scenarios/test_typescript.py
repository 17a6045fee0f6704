"""What Node looks at: the types made of the schema, AsyncAPI, and the client in TypeScript."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from server import schema
from tests.scenarios.typescript import CLIENT, NPM
from tests.written import TYPES, drift

ROOT = Path(schema.__file__).parent.parent
PAGE = ROOT / "server" / "page" / "web"
ASYNCAPI = ROOT / "docs" / "asyncapi.json"

pytestmark = [pytest.mark.scenario, NPM]


def run(*command: str, timeout_s: float = 50) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHON": sys.executable}
    return subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, timeout=timeout_s, check=False, env=env)


def node(*command: str) -> subprocess.CompletedProcess[str]:
    return run("node", *command)


def test_the_committed_types_are_those_of_the_models():
    assert drift(TYPES, (ROOT / TYPES).read_text()) is None


def test_types_that_lag_behind_the_models_are_named_with_the_command_that_writes_them():
    text = (ROOT / TYPES).read_text().replace("reconnect_after_s: number", "reconnect_s: number")
    assert drift(TYPES, text) == f"{TYPES} lags behind: python -m server.schema typescript > {TYPES}"


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


def test_the_client_is_sound_under_strict():
    checked = run("npm", "run", "--silent", "check")
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_client_of_the_page_is_this_one_compiled(tmp_path: Path):
    built = run("npx", "tsc", "--outDir", str(tmp_path))
    assert (built.returncode, built.stdout) == (0, "")
    committed = PAGE / "client"
    command = "npm run build:page"
    assert {path.name for path in committed.iterdir()} == {path.name for path in tmp_path.iterdir()}, command
    for path in tmp_path.iterdir():
        assert (committed / path.name).read_text() == path.read_text(), command


def test_the_page_is_sound_under_strict():
    checked = run("npm", "run", "--silent", "check:page")
    assert (checked.returncode, checked.stdout) == (0, "")


def test_a_field_that_no_message_has_is_an_error_in_the_page_too(tmp_path: Path):
    page = tmp_path / "web"
    shutil.copytree(PAGE, page)
    stream = page / "stream.js"
    stream.write_text(stream.read_text().replace("hear({ seq,", "hear({ number: seq,"))
    config = json.loads((CLIENT / "tsconfig.page.json").read_text())
    config["extends"] = str(CLIENT / "tsconfig.json")
    config["compilerOptions"]["rootDir"] = str(page)
    config["include"] = [f"{page}/*.js"]
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    checked = run("npx", "tsc", "--project", str(tmp_path))
    assert checked.returncode != 0
    assert "stream.js" in checked.stdout
    assert "TS2339: Property 'number' does not exist on type 'Envelope'" in checked.stdout


def test_a_field_that_no_message_has_is_an_error_under_strict(tmp_path: Path):
    wrong = tmp_path / "wrong.ts"
    wrong.write_text(
        f'import type {{ Envelope }} from "{CLIENT}/src/messages.js";\n'
        "export const numberOf = (message: Envelope): string => message.number;\n"
    )
    checked = run(
        "npx", "tsc", "--ignoreConfig", "--noEmit", "--strict", "--module", "nodenext", "--types", "", str(wrong)
    )
    assert checked.returncode != 0
    assert "TS2339" in checked.stdout


@pytest.mark.timeout(300)
def test_the_client_loses_and_doubles_nothing_in_a_rolling_deploy_of_real_servers():
    done = run("npm", "test", "--silent", timeout_s=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall("0 lost, 0 doubled, 0 reordered", done.stdout)) == 5, done.stdout
