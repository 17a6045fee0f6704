"""What `deploy/` says how to start runs, and drains as well as by hand: as a container's process, and on a socket of
systemd's.

Neither a container engine nor systemd runs here: the image's command is run with the image's environment and as its
user; systemd's own `systemd-socket-activate` passes the socket.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tomli_w

from docs import grants
from harness.scenarios import SCENARIOS
from harness.targets.known import LAUNCHER
from harness.targets.target import Target, TargetFailed
from server.settings import PREFIX, Settings
from tests.harness.servers import empty_history
from tests.scenarios.harness_runs import Run, harness
from tests.scenarios.needs import needs
from tests.test_deploy import UNITS, instruction, unit

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]

HOME, BIN = "/opt/ebb/bin", f"{Path(sys.executable).parent}"
FILES = grants.files()
IMAGE = FILES[grants.DOCKERFILE]
SETTINGS = dict(line.split("=", 1) for line in FILES[grants.ENV].splitlines() if line.startswith(PREFIX))
OF_THE_IMAGE = dict(pair.split("=", 1) for pair in instruction(IMAGE, "ENV").replace(HOME, BIN).split())
UNKNOWN_BUDGET = {f"{PREFIX}STOP_BUDGET_S": "0"}  # the harness has a pace of its own, which needs longer


def command_of_the_image() -> list[str]:
    """The image's command as its user, on another port.

    Only root can become that user, who must be able to run this Python, too; else a user namespace calls us so.
    """
    user, group = instruction(IMAGE, "USER").split(":")
    ways = [
        ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs", "env"],
        ["unshare", "--user", f"--map-user={user}", f"--map-group={group}", "env"],
        ["env"],
    ]
    words = json.loads(instruction(IMAGE, "ENTRYPOINT")) + json.loads(instruction(IMAGE, "CMD"))
    assert words[-2:] == ["--port", "8000"]
    version = [f"{BIN}/ebb", "--version"]
    works = (way for way in ways if subprocess.run([*way, *version], capture_output=True, check=False).returncode == 0)
    return [*next(works), "-u", "PYTHONPATH", *words[:-1], "{port}"]


def image(**settings: str) -> Target:
    """The image's process, with the settings of `deploy/`, of which some may be changed."""
    changed = {f"{PREFIX}{name.upper()}": value for name, value in settings.items()}
    profile = LAUNCHER.changed(command=tuple(command_of_the_image()))
    return Target(profile, empty_history(), OF_THE_IMAGE | SETTINGS | changed)


def drained(folder: Path, base: str, command: list[str], environment: dict[str, str]) -> Run:
    """Judge a mixed drain of a command."""
    target = {"base": base, "command": command, "env": environment | UNKNOWN_BUDGET}
    (folder / "target.toml").write_text(tomli_w.dumps(target))
    return harness(folder, "run", "drain", "--clients", "100", "--timeout", "2", "--target", f"{folder}/target.toml")


async def test_the_image_starts_with_the_settings_of_deploy_is_healthy_and_stops_at_sigterm():
    async with image() as target:
        _, _, *check = json.loads("[" + instruction(IMAGE, "HEALTHCHECK").split("CMD [")[1])
        asked = [sys.executable, "-c", check[0].replace(":8000/", f":{target.port}/")]
        assert subprocess.run(asked, check=False, timeout=20).returncode == 0
        target.signal(signal.SIGTERM)
        assert await target.until_exit(within_s=20)
        assert target.status == 0


async def test_the_image_does_not_start_with_a_drain_timeout_for_which_too_little_is_granted():
    with pytest.raises(TargetFailed) as failed:
        async with image(drain_timeout_s="1800"):
            pass
    assert re.search(r"STOP_BUDGET_S=340 is not enough: a stop takes up to 1831 s", "".join(failed.value.tail))


@pytest.mark.turns
def test_the_image_drains(tmp_path: Path):
    run = drained(tmp_path, "launcher", command_of_the_image(), OF_THE_IMAGE | SETTINGS)

    assert run.clauses("pass") == set(SCENARIOS["drain"].clauses), run.output


@needs("systemd-socket-activate", "systemd")
@pytest.mark.turns
def test_a_server_on_a_socket_of_systemd_drains(tmp_path: Path):
    words = unit(FILES[UNITS[1]])["ExecStart"].replace(HOME, BIN).split()
    defaults = {f"{PREFIX}{name.upper()}": f"{field.default}" for name, field in Settings.model_fields.items()}
    passed_on = [word for name in ("PATH", *defaults) for word in ("-E", name)]  # and no other variable

    command = ["systemd-socket-activate", "-l", "127.0.0.1:{port}", *passed_on, *words]
    run = drained(tmp_path, "uvicorn", command, defaults | SETTINGS)

    # 3: from the end of the drain on nobody accepts; where systemd keeps the socket, the next process will.
    assert run.clauses("fail") <= {3}, run.output
    assert run.clauses("pass") >= set(SCENARIOS["drain"].clauses) - {3}, run.output


def test_who_connects_between_two_processes_on_one_socket_is_answered_by_the_second():
    """The socket is kept open by us, as by systemd."""
    with socket.create_server(("127.0.0.1", 0)) as kept:
        port = kept.getsockname()[1]
        words = unit(FILES[UNITS[1]])["ExecStart"].replace(HOME, BIN).replace("--fd 3", f"--fd {kept.fileno()}").split()

        def process() -> subprocess.Popen[bytes]:
            return subprocess.Popen(words, env=os.environ | SETTINGS, pass_fds=[kept.fileno()])

        def ready() -> int:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=20) as answer:
                return answer.status

        with process() as first:
            assert ready() == 200
            first.terminate()
            assert first.wait(20) == -signal.SIGTERM
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(ready)
            with process() as second:
                assert waiting.result() == 200
                second.terminate()
