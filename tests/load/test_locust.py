"""`locustfile.py` is a gate: its exit status is the verdict, here on good and on broken servers.

These tests start real processes and stop each by its own pid. `tox -e load` runs them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from harness.probes.network import free_port

pytestmark = [
    pytest.mark.load,
    pytest.mark.timeout(90),
    pytest.mark.skipif(find_spec("locust") is None, reason="locust is missing: pip install -e '.[load]'"),
]

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 20.0

Server = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Run:
    """The result of a locust: exit status, printed output, and its verdict with the figures."""

    status: int
    output: str
    report: dict[str, Any]

    def requests(self, event: str) -> int:
        return int(self.report["events"].get(event, {"requests": 0})["requests"])

    def failures(self, event: str) -> int:
        return int(self.report["events"].get(event, {"failures": 0})["failures"])


class Locust:
    """A locust against a port: starts at once, and is killed if it still runs at the end of its `with`."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        folder.mkdir(exist_ok=True)
        self._verdict = folder / "verdict.json"
        command = [sys.executable, "-m", "locust", "-f", "locustfile.py", "--host", f"http://127.0.0.1:{port}"]
        self.process = subprocess.Popen(
            [*command, "--headless", "--only-summary", "--gate-json", str(self._verdict), *options],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def ends(self) -> Run:
        """Wait for its exit, and print its figures into the CI's log."""
        output, _ = self.process.communicate(timeout=60)
        print(output)
        report = json.loads(self._verdict.read_text()) if self._verdict.exists() else {"events": {}}
        return Run(self.process.returncode, output, report)


def run_locust(folder: Path, port: int, *options: str) -> Run:
    with Locust(folder, port, *options) as locust:
        return locust.ends()


@contextmanager
def serving(*command: str, port: int, drain_timeout_s: float = 1) -> Iterator[Server]:
    """A server that listens; at the end it is told to stop, and killed if it does not."""
    environment = {**os.environ, "SERVER_DRAIN_TIMEOUT_S": str(drain_timeout_s), "SERVER_LOG_LEVEL": "warning"}
    server = subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(server, port), f"{command} listens")
        yield server
        server.send_signal(signal.SIGTERM)
        server.wait(PATIENCE_S)
    finally:
        server.kill()
        server.wait()


def uvicorn(app: str, port: int) -> tuple[str, ...]:
    return "uvicorn", app, "--port", str(port), "--no-access-log"


def connections(process: psutil.Process, port: int, status: str) -> int:
    return sum(c.laddr.port == port and c.status == status for c in process.net_connections("tcp4"))


def listens(server: Server, port: int) -> bool:
    assert server.poll() is None, f"the server exited with {server.returncode}"
    return connections(psutil.Process(server.pid), port, psutil.CONN_LISTEN) > 0


def until(condition: Callable[[], bool], reason: str) -> None:
    """Wait for a condition; on failure, show the reason."""
    patience_ends = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < patience_ends, f"not within {PATIENCE_S} s: {reason}"
        time.sleep(0.02)


def test_five_hundred_users_of_a_healthy_server_pass_the_gate(tmp_path: Path):
    port = free_port()
    with serving(*uvicorn("server.main:app", port), port=port):
        run = run_locust(tmp_path, port, "-u", "500", "-r", "100", "-t", "15s")
    assert run.status == 0, run.output
    assert run.requests("connect") >= 500
    assert run.requests("echo") > 0
    assert run.requests("close") == run.requests("connect")  # including those at the end of the run


def test_without_a_server_locust_fails_at_once_and_says_what_to_do(tmp_path: Path):
    run = run_locust(tmp_path, free_port(), "-u", "500", "-r", "100", "-t", "15s")
    assert run.status == 1
    (line,) = [line for line in run.output.splitlines() if "ERROR" in line]
    assert "no connection to http://127.0.0.1:" in line
    assert "start a server with `uvicorn server.main:app`, or name yours with --host" in line
    assert "Traceback" not in run.output


def test_a_server_that_drops_echoes_fails_the_gate(tmp_path: Path):
    port = free_port()
    with serving(*uvicorn("tests.load.drops_echoes:app", port), port=port):
        run = run_locust(tmp_path, port, "-u", "20", "-r", "100", "-t", "4s", "--echo-timeout-s", "1")
    assert run.status == 1
    assert run.failures("echo") > 0
    assert {event for event in run.report["events"] if run.failures(event)} == {"echo"}
    assert "gate: " in run.output


def test_users_who_leave_with_texts_unread_close_properly(tmp_path: Path):
    port = free_port()
    with serving(*uvicorn("tests.load.floods:app", port), port=port):
        run = run_locust(tmp_path, port, "-u", "20", "-r", "100", "-t", "4s")
    assert run.status == 0, run.output
    assert run.requests("close") == run.requests("connect") > 0


def test_echoes_slower_than_the_limit_fail_the_gate(tmp_path: Path):
    port = free_port()
    with serving(*uvicorn("server.main:app", port), port=port):
        run = run_locust(tmp_path, port, "-u", "5", "-t", "2s", "--gate-echo-p99-ms", "0.01")
    assert run.status == 1
    assert run.report["reasons"] == [run.report["reasons"][0]]
    assert run.report["reasons"][0].startswith("p99 of the echo is ")


def test_a_master_and_its_workers_all_fail_on_lost_echoes(tmp_path: Path):
    port, master_port = free_port(), str(free_port())
    options = "-u", "40", "-r", "100", "-t", "4s", "--echo-timeout-s", "1", "--expect-workers", "2"
    with (
        serving(*uvicorn("tests.load.drops_echoes:app", port), port=port),
        Locust(tmp_path, port, "--master", "--master-bind-port", master_port, *options) as master,
        Locust(tmp_path / "one", port, "--worker", "--master-port", master_port) as one,
        Locust(tmp_path / "two", port, "--worker", "--master-port", master_port) as two,
    ):
        run = master.ends()
        assert [run.status, one.ends().status, two.ends().status] == [1, 1, 1], run.output
    assert {event for event in run.report["events"] if run.failures(event)} == {"echo"}


def test_users_that_get_the_notice_of_a_drain_reconnect_to_the_successor_without_a_failure(tmp_path: Path):
    port = free_port()
    command = ("tests.load.shared_port", str(port))
    with (
        serving(*command, port=port, drain_timeout_s=6) as retiring,
        serving(*command, port=port),
        Locust(tmp_path, port, "-u", "60", "-r", "100", "-t", "9s", "--echoes-per-s", "5") as locust,
    ):
        process = psutil.Process(retiring.pid)
        until(lambda: connections(process, port, psutil.CONN_ESTABLISHED) >= 20, "20 users are connected")
        retiring.send_signal(signal.SIGTERM)
        run = locust.ends()
        assert retiring.poll() is not None
    assert run.status == 0, run.output
    assert run.requests("reconnect") >= 5
    assert run.requests("refused") > 0  # the retiring server's share of the handshakes
