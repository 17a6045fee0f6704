"""`tox -e dev`: what it starts serves the page, replaces its workers when a file changes, and ends on Ctrl+C.

The command is that of `tox.ini`; it runs on a copy of the server, so that a file can be changed.
"""

from __future__ import annotations

import configparser
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.probes.http import fetch
from harness.probes.network import why_not_bindable
from tests.scenarios.host_clients import crowd, notice
from tests.scenarios.hosts import PRIVATE, SERVER, Host

ROOT = Path(__file__).parent.parent.parent

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]


def command() -> list[str]:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    python, *rest = shlex.split(tox["testenv:dev"]["commands"].removesuffix("{posargs}"))
    assert python == "python"
    return [sys.executable, *rest]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "server", tmp_path / "server", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "server"


async def test_a_changed_file_replaces_the_workers_and_ctrl_c_ends_them(sources: Path) -> None:
    started = Host(command=command(), cwd=sources.parent, BROKER_URL=PRIVATE, DRAIN_TIMEOUT_S="")
    async with started as host, crowd(host.port, 4) as clients:
        assert host.said(f"open http://127.0.0.1:{host.port}/ in a browser") == 1
        assert b"<title>Ebb</title>" in (await fetch(host.port, "/")).body
        app = sources / "app.py"
        app.write_text(app.read_text().replace('title="Ebb"', 'title="Changed"'))
        await host.until_said("replaced 2 workers")
        assert host.said("changed: app.py") == 1
        assert b'"Changed"' in (await fetch(host.port, "/openapi.json")).body

        app.write_text("this is no Python")
        await host.until_said("no more workers are replaced")
        assert b'"Changed"' in (await fetch(host.port, "/openapi.json")).body
        for client in clients:
            await notice(client)
            await client.close()
        async with crowd(host.port, 4) as later:
            host.signal(signal.SIGINT)
            for client in later:
                await notice(client)
        assert await host.until_exit() == 0, host.output
        assert (host.left(), why_not_bindable(host.port)) == ([], None)
        assert host.said("Traceback") == host.said("SyntaxError"), host.output


def test_one_process_alone_does_not_reload() -> None:
    done = subprocess.run([*SERVER, "--reload"], capture_output=True, text=True, timeout=30)
    said = "--reload is for several --workers: one serves until its successor does"
    assert (done.returncode, said in done.stderr) == (2, True)
