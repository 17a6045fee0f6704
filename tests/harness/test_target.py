"""A target is started, found ready, signalled, timed, and leaves nothing, however it behaves."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from harness.history.record import History
from harness.probes.network import allow_descriptors, free_port, why_not_bindable
from harness.targets.declaration import Profile
from harness.targets.process import READ_BYTES
from harness.targets.target import Target, TargetFailed
from tests.harness.servers import empty_history, only

SERVES = """
import http.server, os, signal, subprocess, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready)
print("knob", os.environ.get("KNOB"), flush=True)
{more}
server.serve_forever()
"""
LEAVES_A_CHILD = """
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("child", child.pid, flush=True)
"""
CHILD_ESCAPES = LEAVES_A_CHILD.replace('sleep(60)"]', 'sleep(60)"], start_new_session=True')
CHILD_HOLDS_THE_PORT = LEAVES_A_CHILD.replace('sleep(60)"]', 'sleep(60)"], pass_fds=[server.fileno()]')
CHILD_COMES_LATE = """
def stop(*_):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    print("child", child.pid, flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
"""
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


@pytest.fixture
def history() -> History:
    return empty_history()


def python(code: str, **declared: object) -> Profile:
    return Profile(command=("{python}", "-c", code, "{port}"), **declared)


def serving(more: str = "") -> Profile:
    return python(SERVES.format(more=more))


def lines(history: History) -> list[str]:
    return [event.detail["text"] for event in history.events if event.what == "line"]


async def test_a_ready_target_is_signalled_and_its_exit_is_on_record(history: History) -> None:
    async with Target(serving(), history, {"KNOB": "7"}) as target:
        target.signal(signal.SIGTERM)
        assert await target.until_exit(within_s=5.0)
        await target.look_behind()
    assert lines(history) == ["knob 7"]
    assert history.t0 == only(history, "signal").t
    assert only(history, "signal").detail == {"signal": "SIGTERM", "to": "process"}
    assert only(history, "exited").detail == {"status": -15}
    assert only(history, "exited").t >= history.t0
    assert only(history, "left_behind").detail == {"pids": [], "port_free": True, "port_error": None}


async def test_a_target_that_ends_before_it_is_ready_says_why(history: History) -> None:
    crashes = python("import sys; [print('line', n) for n in range(40)]; sys.exit(3)")
    with pytest.raises(TargetFailed) as failed:
        await Target(crashes, history).__aenter__()
    failure = failed.value
    assert failure.reason == "it exited before it was ready"
    assert failure.status == 3
    assert failure.tail == [f"line {n}" for n in range(8, 40)]
    assert failure.log is not None
    assert len(failure.log.read_text().splitlines()) == 40


async def test_a_target_that_is_never_ready_is_ended(history: History) -> None:
    sleeps = python("import time; time.sleep(60)", startup_timeout_s=0.3)
    with pytest.raises(TargetFailed, match=r"not ready within 0\.3 s: GET /ready: refused") as failed:
        await Target(sleeps, history).__aenter__()
    assert failed.value.status is None
    assert not psutil.pid_exists(only(history, "started").detail["pid"])


async def test_a_command_that_cannot_be_run_is_named(history: History) -> None:
    with pytest.raises(TargetFailed, match="cannot run nonesuch: No such file or directory"):
        await Target(Profile(command=("nonesuch", "{port}")), history).__aenter__()


async def test_a_folder_that_is_not_there_is_named(history: History) -> None:
    with pytest.raises(TargetFailed, match="cannot run /nonesuch: No such file or directory"):
        await Target(Profile(command=("{python}", "{port}"), cwd="/nonesuch"), history).__aenter__()


async def test_a_target_is_started_in_its_folder_with_its_environment(history: History, tmp_path: Path) -> None:
    shows = "import os; print(os.getcwd(), os.environ['PORT'], os.environ['OURS'], os.environ['PATH'], flush=True)"
    profile = python(shows, cwd=str(tmp_path), env={"PORT": "{port}", "OURS": "theirs"})
    target = Target(profile, history, {"OURS": "ours"})
    with pytest.raises(TargetFailed, match="it exited before it was ready"):
        await target.__aenter__()
    assert lines(history) == [f"{tmp_path} {target.port} ours {os.environ['PATH']}"]


async def test_a_target_without_readiness_is_ready_when_it_accepts(history: History) -> None:
    accepts = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(60)"
    async with Target(python(accepts, ready=None), history) as target:
        assert why_not_bindable(target.port) is not None


@pytest.mark.parametrize(
    "child",
    [LEAVES_A_CHILD, CHILD_ESCAPES, CHILD_COMES_LATE],
    ids=["in the session", "in one of its own", "in one of its own, and started as its parent stops"],
)
async def test_a_child_that_outlives_its_parent_is_recorded_and_ended(history: History, child: str) -> None:
    async with Target(serving(child), history) as target:
        target.signal(signal.SIGTERM)
        assert await target.until_exit(within_s=5.0)
        await target.look_behind()
    pid = int(lines(history)[-1].split()[1])
    assert only(history, "left_behind").detail["pids"] == [pid]
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_a_port_that_somebody_still_holds_is_recorded(history: History) -> None:
    async with Target(serving(CHILD_HOLDS_THE_PORT), history) as target:
        target.signal(signal.SIGTERM)
        assert await target.until_exit(within_s=5.0)
        await target.look_behind()
    left_behind = only(history, "left_behind").detail
    assert not left_behind["port_free"]
    assert "in use" in left_behind["port_error"]


async def test_a_target_that_will_not_stop_is_killed_at_the_end(history: History) -> None:
    async with Target(serving(DEAF), history) as target:
        target.signal(signal.SIGTERM)
        assert not await target.until_exit(within_s=0.1)
        pid = target.pid
    assert not psutil.pid_exists(pid)


async def test_nothing_runs_after_an_error_inside(history: History) -> None:
    with pytest.raises(ZeroDivisionError):
        async with Target(serving(LEAVES_A_CHILD), history) as target:
            raise ZeroDivisionError
    assert not psutil.pid_exists(target.pid)


async def test_a_flood_of_output_does_not_hold_the_loop(history: History) -> None:
    floods = "import threading; threading.Thread(target=lambda: [print('x' * 99) for _ in range(20000)]).start()"
    async with Target(serving(floods), history):
        most = 0
        while (before := len(lines(history))) < 20001:
            await asyncio.sleep(0)
            most = max(most, len(lines(history)) - before)
    assert most <= READ_BYTES / 100 + 1  # in one turn of the event loop: a chunk of what it says, however fast it is


def test_a_free_port_is_one_that_no_outgoing_connection_is_given() -> None:
    port = free_port()
    assert why_not_bindable(port) is None
    assert port < 32768


def test_too_few_descriptors_are_reported_with_both_numbers() -> None:
    with pytest.raises(OSError, match=r"100000000 clients need 100000256 open files, the hard limit is \d+"):
        allow_descriptors(100_000_000)
