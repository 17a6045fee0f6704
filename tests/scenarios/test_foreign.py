"""The harness judges servers of others by their command alone, and ends in bounded time whatever they do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.scenarios.harness_runs import harness

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]

NODE = Path(__file__).parent.parent / "targets" / "node"
SMALL = (
    "drain",
    "--clients",
    "60",
    "--timeout",
    "2",
    "--metrics",
    "none",
    "--broadcast",
    "none",
    "--level",
    "handover",
)
WITHOUT_LIFESPAN = ("--shutdown-marker", "none")


def test_a_server_of_the_websockets_library_with_other_paths(tmp_path: Path):
    paths = ("--ready", "/live", "--health", "/live", "--ws", "/chat", "--dialect", "echo")
    command = ("{python}", "-m", "tests.targets.websockets_echo", "{port}")

    run = harness(tmp_path, *SMALL, *WITHOUT_LIFESPAN, *paths, "--", *command)

    assert run.status == 1, run.output
    assert {1, 3, 5, 6, 12} <= run.clauses("fail"), run.output
    assert 20 in run.clauses("pass"), run.output


@pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").exists(),
    reason=f"Node and its `ws` are not installed (Debian: apt-get install nodejs npm; npm ci in {NODE})",
)
def test_a_node_ws_server(tmp_path: Path):
    run = harness(tmp_path, *SMALL, *WITHOUT_LIFESPAN, "--", "node", str(NODE / "server.mjs"), "{port}")

    assert run.status == 1, run.output
    assert {1, 3, 5, 6, 12, 13} <= run.clauses("fail"), run.output


def test_the_tutorials_server_on_hypercorn(tmp_path: Path):
    command = ("{python}", "-m", "hypercorn", "-b", "127.0.0.1:{port}", "tests.specimens.fastapi_tutorial:app")

    run = harness(tmp_path, *SMALL, *WITHOUT_LIFESPAN, "--", *command)

    assert run.status == 1, run.output
    assert {1, 3, 5, 13} <= run.clauses("fail"), run.output
    assert 12 in run.clauses("pass"), run.output  # it waits for its own graceful timeout of 3 s
