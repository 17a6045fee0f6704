"""The private Valkey: it starts, survives, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from server.brokers import broker_of, embedded, private_folder
from server.brokers.broker import BrokerUnavailable
from server.brokers.embedded import EmbeddedFailed, EmbeddedValkey, find_binary
from server.brokers.private_folder import roomy_folder
from server.brokers.redis_connection import Address, RedisConnection
from tests.server.broker_services import Server, Subscriber, until

OWNER = """
from server.brokers.embedded import EmbeddedValkey
import time
valkey = EmbeddedValkey()
valkey.start()
print(valkey.pid, valkey.folder, flush=True)
time.sleep(60)
"""


def wait_until(condition: Callable[[], object], what: str, within_s: float = 5) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.005)


def program(folder: Path, text: str) -> str:
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o700)
    return str(path)


def test_it_is_private_and_leaves_nothing_behind():
    with EmbeddedValkey() as valkey:
        assert valkey.alive
        assert valkey.folder.stat().st_mode & 0o777 == 0o700
        assert valkey.url == f"unix://{valkey.socket}"
        assert valkey.socket.is_socket()
        assert psutil.Process(valkey.pid).net_connections("inet") == []
        assert os.getsid(valkey.pid) == valkey.pid  # Ctrl+C does not reach it
    assert not valkey.alive
    assert not psutil.pid_exists(valkey.pid)
    assert not valkey.folder.exists()
    valkey.stop()


def test_a_sighup_to_the_group_waits_while_it_is_launched(monkeypatch: pytest.MonkeyPatch):
    blocked: list[bool] = []
    popen = subprocess.Popen

    def look_and_start(*args: Any, **kwargs: Any) -> Any:
        blocked.append(signal.SIGHUP in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        return popen(*args, **kwargs)

    monkeypatch.setattr(subprocess, "Popen", look_and_start)
    with EmbeddedValkey():
        blocked.append(signal.SIGHUP in signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    assert blocked == [True, False]


async def test_it_starts_again_with_its_data():
    with Server() as server:
        await server.execute("SET", "k", "v")
        server.kill()
        assert not server.alive
        server.restart()
        assert await server.execute("GET", "k") == b"v"
        pid = server.pid
        server.restart()
        assert server.pid == pid  # it runs


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_it_ends_with_an_owner_that_is_killed_and_the_next_one_removes_its_folder():
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()
        assert psutil.pid_exists(int(pid))
        owner.kill()
    wait_until(lambda: not psutil.pid_exists(int(pid)), "the server is gone")
    with EmbeddedValkey() as other, EmbeddedValkey() as another:
        assert not Path(folder).exists()
        assert other.folder.exists()
        assert another.folder.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo one; echo; echo two; echo three; echo four; exit 7", "7: two | three | four"),
        ("exit 1", "1: it said nothing"),
        (None, "1: {}: No such file or directory"),
    ],
)
def test_a_server_that_ends_is_named_with_its_last_words(tmp_path: Path, text: str | None, said: str):
    path = str(tmp_path / "none") if text is None else program(tmp_path, text)
    valkey = EmbeddedValkey(path)
    with pytest.raises(EmbeddedFailed) as failed:
        valkey.start()
    assert str(failed.value) == f"the private Valkey ended with status {said.format(path)}"
    assert not valkey.folder.exists()


def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedded, "START_S", 0.2)
    valkey = EmbeddedValkey(program(tmp_path, "echo still loading; exec sleep 60"))
    with pytest.raises(EmbeddedFailed, match=r"does not answer after 0\.2 s: still loading$"):
        valkey.start()
    assert not psutil.pid_exists(valkey.pid)


def test_without_any_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedded, "files", lambda _name: None)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    valkey = EmbeddedValkey()
    with pytest.raises(EmbeddedFailed, match=r"^no valkey-server and no redis-server: install one"):
        valkey.start()
    assert not valkey.folder.exists()


def test_an_installed_server_comes_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "which", {"redis-server": "/usr/bin/redis-server"}.get)
    assert find_binary() == "/usr/bin/redis-server"
    monkeypatch.setattr(shutil, "which", {}.get)
    assert find_binary().endswith("valkey-server")


def test_its_folder_is_in_memory_where_there_is_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    free = SimpleNamespace(free=private_folder.ROOMY_BYTES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: free)
    monkeypatch.setattr(tempfile, "tempdir", "/var/tmp")
    assert roomy_folder() == (Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/var/tmp"))
    free.free -= 1
    assert roomy_folder() == Path("/var/tmp")
    monkeypatch.setattr(tempfile, "tempdir", f"/{'long' * 20}")
    assert roomy_folder() == Path("/tmp")


def fifo(path: Path) -> None:
    os.mkfifo(path)


def elsewhere(path: Path) -> None:
    (path.parent.parent / "other").write_text("somebody's")
    path.symlink_to(path.parent.parent / "other")


@pytest.mark.attack
@pytest.mark.parametrize("make", [fifo, elsewhere, Path.mkdir])
def test_what_is_no_lock_under_a_locks_name_holds_nobody_up(
    tmp_path: Path, make: Callable[[Path], None], caplog: pytest.LogCaptureFixture
):
    """Seen before: a FIFO there, and the launcher waited for ever, and for no SIGTERM."""
    folder = tmp_path / "ebb-0"
    folder.mkdir()
    make(folder / "lock")
    sweeping = threading.Thread(target=private_folder.sweep, args=(tmp_path,), daemon=True)
    sweeping.start()
    sweeping.join(5)
    assert not sweeping.is_alive()
    assert folder.exists()
    if make is not elsewhere:
        assert caplog.messages == [f"{folder / 'lock'} is no lock of ours, and is left alone"]


def test_where_no_folder_can_be_made_it_says_so(monkeypatch: pytest.MonkeyPatch):
    valkey = EmbeddedValkey()
    monkeypatch.setattr(valkey._private, "path", Path("/proc/ebb-0"))
    with pytest.raises(EmbeddedFailed, match=r"^no folder for the private Valkey: .*/proc/ebb-0"):
        valkey.start()


async def test_its_memory_is_bounded_and_nothing_is_evicted_for_others():
    with Server() as server:
        assert await server.execute("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"268435456"]
        assert await server.execute("CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", b"noeviction"]


# ---- The broker that brings one along ----


async def test_where_its_memory_is_full_publishing_is_refused_readiness_too_and_nothing_is_lost():
    broker: Any = broker_of("embedded://", 10, embedded_bytes=20_000_000)
    subscriber = Subscriber(broker)
    await broker.start()
    line = RedisConnection(Address(broker.valkey.url))
    try:
        await subscriber.say("a")
        assert await line.ask("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"20000000"]
        await line.ask("CONFIG", "SET", "maxmemory", 1)  # that much is taken
        with pytest.raises(BrokerUnavailable, match=r"^the broker's memory is full: it takes nothing"):
            await subscriber.say("b")
        await until(lambda: not broker.available, "not ready")
        with pytest.raises(BrokerUnavailable, match=r"^the broker's memory is full: it takes nothing"):
            await subscriber.say("b")
        await line.ask("CONFIG", "SET", "maxmemory", 20_000_000)
        await until(lambda: broker.available, "ready")
        assert await subscriber.say("c") == [2]
        await subscriber.hears(2)
        assert (subscriber.said, subscriber.lost) == (["a", "c"], [])
    finally:
        await line.close()
        await broker.close()


async def test_the_embedded_broker_brings_its_server_and_ends_it():
    broker: Any = broker_of("embedded://", 10)
    subscriber = Subscriber(broker)
    await broker.start()
    assert await subscriber.say("a") == [1]
    await subscriber.hears(1)
    assert not broker.shared
    await broker.close()
    assert not broker.valkey.alive
    assert not broker.valkey.folder.exists()


async def test_the_embedded_broker_starts_its_server_again():
    broker: Any = broker_of("embedded://", 10)
    subscriber = Subscriber(broker)
    await broker.start()
    try:
        await subscriber.say("a")
        os.kill(broker.valkey.pid, signal.SIGKILL)
        await until(lambda: not broker.available, "the broker found away")
        await until(lambda: broker.available, "the broker back")
        assert await subscriber.say("b") == [2]
        await subscriber.hears(2)
        assert (subscriber.said, subscriber.lost) == (["a", "b"], [])
    finally:
        await broker.close()


async def test_an_embedded_broker_that_cannot_start_says_why(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    broker: Any = broker_of("embedded://", 10)
    broker.valkey = EmbeddedValkey(program(tmp_path, "exit 3"))
    with pytest.raises(EmbeddedFailed, match="status 3: it said nothing"):
        await broker.start()
    assert not broker.valkey.folder.exists()
    keeping = asyncio.create_task(broker.valkey.keep())
    await until(lambda: len(caplog.records) > 1, "a line about it")
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping
    assert caplog.messages[1] == "the private Valkey ended with status 3: it said nothing"
    await broker.close()
