"""A survey finds out what a server of others has; `judge` begins with one."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from harness.targets import file as target_file
from harness.targets.findings import AS_JSON, ORIGIN
from harness.targets.talk import Talk, read
from harness.targets.talks import table_of

ROOT = Path(__file__).parent.parent.parent
NODE = ROOT / "tests" / "targets" / "node"
pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]

TUTORIAL = "tests.specimens.fastapi_tutorial:app"
SURVEYS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "tutorial": (
        ("{python}", "-m", "uvicorn", TUTORIAL, "--port", "{port}"),
        {
            "ws": "/ws",
            "ready": None,
            "dialect": "broadcast",
            "drained_statuses": (-15, 0, -2),
            "shutdown_marker": "Waiting for application shutdown.",
        },
    ),
    "two workers of gunicorn": (
        (
            "{python}",
            "-m",
            "gunicorn",
            "-w",
            "2",
            "-k",
            "uvicorn_worker.UvicornWorker",
            "-b",
            "127.0.0.1:{port}",
            TUTORIAL,
        ),
        {"processes": 2, "broadcasts": False, "drained_statuses": (0,)},
    ),
    "websockets": (
        ("{python}", "-m", "tests.targets.websockets_echo", "{port}"),
        {"ws": "/ws", "health": "/live", "dialect": "echo", "shutdown_marker": None, "drained_statuses": (0,)},
    ),
    "a chat in JSON for browsers": (
        ("{python}", "-m", "tests.targets.json_chat", "{port}"),
        {"ws": "/ws", "dialect": "broadcast", "broadcasts": True, "talk": Talk(headers=ORIGIN, say=AS_JSON)},
    ),
    "a chat whose subscriptions come late": (
        ("{python}", "-m", "tests.targets.late_subscribers", "{port}"),
        {"ws": "/ws", "dialect": "broadcast", "broadcasts": True},
    ),
    "the reference server": (
        ("{python}", "-m", "uvicorn", "server.main:app", "--port", "{port}"),
        {"ready": "/ready", "health": "/health", "metrics": "/metrics", "broadcast": "/broadcast", "dialect": "others"},
    ),
}


def survey(*command: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "harness", "survey", "--", *command]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", SURVEYS)
def test_what_a_server_has_is_found_and_written_as_a_target_file(name: str):
    command, expected = SURVEYS[name]

    run = survey(*command)

    assert run.returncode == 0, run.stderr
    found = target_file.read(tomllib.loads(run.stdout))
    assert {key: getattr(found, key) for key in expected} == expected, run.stderr
    assert "calm stop" in run.stderr


@pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").exists(),
    reason=f"Node and Socket.IO are not installed (Debian: apt-get install nodejs npm; npm ci in {NODE})",
)
def test_a_protocol_that_is_shipped_is_found_where_no_plain_client_is_let_in():
    run = survey("node", str(NODE / "socketio.mjs"), "{port}")

    assert run.returncode == 0, run.stderr
    found = target_file.read(tomllib.loads(run.stdout))
    assert (found.ws, found.dialect) == ("/socket.io/?EIO=4&transport=websocket", "broadcast"), run.stderr
    assert found.talk == read(table_of("socket.io"))
    assert "101 as socket.io" in run.stderr


def test_a_server_that_exits_while_it_is_asked_is_said_so():
    run = survey("{python}", "-m", "tests.targets.exits_when_asked", "{port}")

    assert run.returncode == 2
    assert "the target exited before it was told to stop: while it was asked what it has; exit status 3" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_healthy_server_of_thirty_lines_reaches_clean_with_its_command_alone():
    words = [sys.executable, "-m", "harness", "judge", "--level", "clean", "--"]
    command = ["{python}", "-m", "tests.targets.thirty_lines", "{port}"]

    run = subprocess.run([*words, *command], cwd=ROOT, capture_output=True, text=True, timeout=100)

    assert run.returncode == 0, run.stdout
    assert "clean 13 of 14, 1 not looked at" in run.stdout
