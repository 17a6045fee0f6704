"""The harness judges servers of others by their command alone, and ends in bounded time whatever they do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.scenarios.harness_runs import harness

pytestmark = [pytest.mark.scenario, pytest.mark.turns, pytest.mark.timeout(300)]

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
    assert {1, 3, 5, 6} <= run.clauses("fail"), run.output
    assert {13, 20} <= run.clauses("pass"), run.output  # it closes at once, with 1001, which nothing forbids
    assert {12, 15} <= run.clauses("excluded"), run.output
    assert "--timeout 2 does not apply: the target declares no drain_timeout_env" in run.output


@pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").exists(),
    reason=f"Node and its `ws` are not installed (Debian: apt-get install nodejs npm; npm ci in {NODE})",
)
def test_a_node_ws_server(tmp_path: Path):
    run = harness(tmp_path, *SMALL, *WITHOUT_LIFESPAN, "--", "node", str(NODE / "server.mjs"), "{port}")

    assert run.status == 1, run.output
    assert {3, 5, 6} <= run.clauses("fail"), run.output


def test_the_tutorials_server_on_hypercorn(tmp_path: Path):
    declared = tmp_path / "hypercorn.toml"
    declared.write_text(
        'command = "{python} -m hypercorn -b 127.0.0.1:{port} tests.specimens.fastapi_tutorial:app"\n'
        "drain_timeout_s = 3  # its graceful timeout, unless configured\n"
    )

    run = harness(tmp_path, *SMALL, *WITHOUT_LIFESPAN, "--target", str(declared))

    assert run.status == 1, run.output
    assert {3, 5, 13} <= run.clauses("fail"), run.output
    assert 12 in run.clauses("pass"), run.output
    assert "--timeout 2 does not apply: the target declares no drain_timeout_env, and it promises 3 s" in run.output


def test_a_server_that_waits_for_its_clients_is_seen_to_exit_once_they_have_gone(tmp_path: Path):
    paths = ("--ready", "/live", "--health", "/live", "--ws", "/chat", "--dialect", "echo")
    command = ("{python}", "-m", "tests.targets.websockets_echo", "{port}", "--waits")

    run = harness(tmp_path, *SMALL, *WITHOUT_LIFESPAN, *paths, "--patience-s", "6", "--", *command)

    assert "those who stayed leave" in run.output
    assert {9, 19, 20} <= run.clauses("pass"), run.output
    assert 13 in run.clauses("unknown"), run.output  # it closed nobody
