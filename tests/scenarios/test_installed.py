"""Installed beside a project that has its own `server`, `harness` and `tests`, `ebb` judges that project and itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]

EBB = Path(sys.executable).with_name("ebb")
THEIR_SERVER = """
from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.get("/ready")
def ready():
    return "theirs"


@app.websocket("/ws")
async def echo(websocket: WebSocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)
"""
LESS = ("--health", "none", "--metrics", "none", "--broadcast", "none", "--dialect", "echo")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("server", "harness", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"WHOSE = 'the {name} of this project'\n")
    (tmp_path / "server" / "app.py").write_text(THEIR_SERVER)
    return tmp_path


def in_project(project: Path, *command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, cwd=project, timeout=100, check=False
    )


def test_the_reference_server_is_judged_from_there(project: Path):
    done = in_project(project, EBB, "drain", "--clients", 60, "--timeout", 2, "--target", "launcher")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "-m ebb.server" in done.stdout


def test_the_server_of_the_project_is_judged_and_none_of_its_modules_is_shadowed(project: Path):
    command = ("--", sys.executable, "-m", "uvicorn", "server.app:app", "--port", "{port}")
    done = in_project(project, EBB, "drain", "--clients", 30, "--timeout", 2, *LESS, *command)
    assert done.returncode == 1, done.stdout + done.stderr
    assert " 5  told-once               fail" in done.stdout
    code = "import server, harness, tests, ebb.server; print(server.WHOSE, harness.WHOSE, tests.WHOSE, sep='; ')"
    whose = in_project(project, sys.executable, "-c", code).stdout
    assert whose == "the server of this project; the harness of this project; the tests of this project\n"
