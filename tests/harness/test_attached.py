"""A target that something else has started: found, told to stop, watched, and left as it is."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from harness.history.record import History
from harness.options import parse, profile_of
from harness.probes.network import free_port
from harness.scenarios import SCENARIOS
from harness.targets.attached import listener
from harness.targets.declaration import Profile
from harness.targets.file import read
from harness.targets.target import Target, TargetFailed
from tests.harness.servers import empty_history, only

SERVES = """
import socket, sys, time
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
time.sleep(60)
"""


@pytest.fixture
def history() -> History:
    return empty_history()


@contextmanager
def running(port: int) -> Iterator[subprocess.Popen[str]]:
    """A server that the harness did not start; reaped at once, as a supervisor does."""
    command = [sys.executable, "-c", SERVES, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "listening\n"
        try:
            yield server
        finally:
            server.kill()


def attached(port: int, **declared: object) -> Profile:
    return read({"url": f"ws://127.0.0.1:{port}", **declared})


async def test_it_is_found_by_its_port_told_to_stop_and_its_end_is_on_record(history: History) -> None:
    with running(port := free_port()) as server:
        async with Target(attached(port), history) as target:
            assert target.pid == server.pid == listener(port)
            assert target.rss_bytes() > 0
            target.signal(signal.SIGTERM)
            assert await target.until_exit(within_s=10)
            await target.look_behind()
        assert server.wait() == -signal.SIGTERM
    assert only(history, "signal").detail == {"signal": "SIGTERM", "to": "process"}
    assert only(history, "signal").t < only(history, "exited").t
    assert only(history, "exited").detail["status"] is None
    assert only(history, "left_behind").detail["port_free"]


async def test_it_is_told_by_the_signal_that_it_declares(history: History) -> None:
    with running(port := free_port()) as server:
        async with Target(attached(port, pid=server.pid, signal="INT"), history) as target:
            target.signal(signal.SIGTERM)
            assert await target.until_exit(within_s=10)
        assert server.wait() in (1, -signal.SIGINT)
    assert only(history, "signal").detail["signal"] == "SIGINT"


async def test_it_is_stopped_by_a_command(history: History) -> None:
    with running(port := free_port()) as server:
        stop = f"{sys.executable} -c 'import os; os.kill({server.pid}, 15)'"
        async with Target(attached(port, stop=stop), history) as target:
            target.signal(signal.SIGTERM)
            assert await target.until_exit(within_s=10)
        assert server.wait() == -signal.SIGTERM


async def test_one_whose_process_cannot_be_seen_has_ended_when_its_port_is_closed_and_the_command_has_ended(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.targets.attached.listener", lambda _: None)
    with running(port := free_port()) as server:
        stop = f"{sys.executable} -c 'import os; os.kill({server.pid}, 15)'"
        async with Target(attached(port, stop=stop), history) as target:
            assert (target.rss_bytes(), target.pids()) == (0, [])
            target.signal(signal.SIGTERM)
            assert await target.until_exit(within_s=10)
    assert only(history, "exited").detail["status"] is None


async def test_one_that_is_not_told_to_stop_is_left_as_it_is(history: History) -> None:
    with running(port := free_port()) as server:
        async with Target(attached(port), history) as target:
            await target.kill()
            target.signal(signal.SIGINT, "group")
        assert psutil.pid_exists(server.pid)
        assert server.poll() is None


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        ({"pid": 2**22 + 1}, "no process 4194305 runs"),
        ({}, "cannot be seen: --pid PID, or --stop COMMAND"),
    ],
)
async def test_one_that_cannot_be_told_to_stop_is_named(
    history: History, monkeypatch: pytest.MonkeyPatch, declared: dict[str, object], complaint: str
) -> None:
    monkeypatch.setattr("harness.targets.attached.listener", lambda _: None)
    with socket.create_server(("127.0.0.1", 0)) as listening, pytest.raises(TargetFailed, match=complaint):
        await Target(attached(listening.getsockname()[1], **declared), history).__aenter__()


async def test_one_that_is_not_there_is_not_waited_for_longer_than_a_startup_may_take(history: History) -> None:
    with pytest.raises(TargetFailed, match=r"not there within 0\.1 s: connection refused; what the harness did not"):
        await Target(attached(free_port(), startup_timeout_s=0.1), history).__aenter__()


def test_of_several_that_listen_together_the_parent_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        child = os.fork()
        if not child:
            signal.pause()
        try:
            assert listener(listening.getsockname()[1]) == os.getpid()
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_the_path_of_its_url_is_where_clients_connect_and_its_output_is_not_there() -> None:
    profile = profile_of(parse(["drain", "--url", "ws://127.0.0.1:8000/chat", "--stop", "docker stop shop"]))
    assert (profile.ws, profile.port, profile.stop, profile.logs) == ("/chat", 8000, ("docker", "stop", "shop"), False)
    assert (profile.reference, profile.drain_timeout_env, profile.title) == (False, None, "ws://127.0.0.1:8000/chat")


def test_only_scenarios_that_stop_it_once_can_be_told() -> None:
    profile = attached(8000)
    told = {name for name, scenario in SCENARIOS.items() if scenario.why_excluded(profile) is None}
    assert told == {"drain", "everyone_leaves", "nobody_there", "hostile", "ten_thousand"}
    assert "did not start the target" in (SCENARIOS["ctrl_c"].why_excluded(profile) or "")


def test_it_cannot_be_surveyed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["survey", "--url", "ws://127.0.0.1:8000"])
    assert "it needs a command, not a url" in capsys.readouterr().err
