"""Servers of others, judged with nothing but their commands: each fails what was verified by hand, and nothing else."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NODE_MODULES = HERE.parent / "targets" / "node" / "node_modules"
SERVERS = tomllib.loads((HERE / "servers.toml").read_text())

pytestmark = [pytest.mark.board, pytest.mark.timeout(900)]


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_fails_what_was_verified_by_hand_and_nothing_else(name: str):
    server = SERVERS[name]
    if server["command"].startswith("node ") and not NODE_MODULES.exists():
        pytest.skip(f"npm ci in {NODE_MODULES.parent} installs it")
    options = shlex.split(server.get("options", ""))
    for option in ("known", "flaky"):
        for number, reason in server.get(option, {}).items():
            options += [f"--{option}", f"{number}={reason}"]
    words = [sys.executable, "-m", "harness", "judge", "--level", "clean", *options, "--"]

    # NiceGUI does not serve where it finds this variable.
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    command = shlex.split(server["command"])

    run = subprocess.run([*words, *command], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert run.returncode == 0, run.stdout + run.stderr
