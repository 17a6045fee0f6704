"""Each fault does what its name says to a target, says so in the history, and is undone."""

from __future__ import annotations

import asyncio
import signal
import time
from types import SimpleNamespace

import psutil
import pytest

from harness.faults.frozen import frozen
from harness.faults.request_limit import LAST_AT_ONCE, SPARE, request_limit_reached
from harness.faults.storm import storm_of_signals
from harness.faults.touched import source_touched
from harness.history.events import Event
from harness.history.record import History
from harness.probes.machine import watch_memory
from harness.probes.polling import Probes, values_of
from harness.targets.declaration import Profile
from harness.targets.target import Target, TargetFailed
from tests.harness.servers import empty_history, only, until

SERVES = """
import http.server, signal, sys
asked = 0
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global asked
        asked += 1
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
        sys.stdout.write(f"asked {asked}\\n")  # in one piece, for they are threads
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer.request_queue_size = 128
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Ready)
server.daemon_threads = True
signal.signal(signal.SIGTERM, lambda *_: print("told", flush=True))
server.serve_forever()
"""
STARTS_SLOWLY = "sum(range(3_000_000)); import time; time.sleep(60)"


@pytest.fixture
def history() -> History:
    return empty_history()


def python(code: str) -> Profile:
    return Profile(command=("{python}", "-c", code, "{port}"))


def seen(history: History, what: str) -> list[Event]:
    return [event for event in history.events if event.what == what]


def lines(history: History, text: str) -> int:
    return sum(text in event.detail["text"] for event in seen(history, "line"))


async def test_a_storm_sends_the_signal_again_and_again_and_then_no_more(history: History) -> None:
    async with Target(python(SERVES), history) as target:
        async with storm_of_signals(target, every_s=0.02):
            await until(lambda: len(seen(history, "signal")) >= 10, "ten signals")
        sent = len(seen(history, "signal"))
        await until(lambda: lines(history, "told"), "a signal that arrives")
        assert len(seen(history, "signal")) == sent


async def test_a_storm_sends_what_it_missed_while_the_loop_was_held_up() -> None:
    sent: list[signal.Signals] = []
    target = SimpleNamespace(signal=sent.append)
    async with storm_of_signals(target, every_s=0.02):
        await asyncio.sleep(0)
        time.sleep(0.2)
        for _ in range(50):
            await asyncio.sleep(0)

    assert len(sent) >= 10


async def test_a_frozen_target_stands_still_and_then_goes_on(history: History) -> None:
    async with Target(python(SERVES), history) as target:
        process = psutil.Process(target.pid)
        with frozen(target):
            await until(lambda: process.status() == psutil.STATUS_STOPPED, "a process that is stopped")
        await until(lambda: process.status() != psutil.STATUS_STOPPED, "a process that goes on")
    assert only(history, "frozen").t <= only(history, "thawed").t
    assert history.t0 is None


async def test_a_request_limit_is_reached_at_the_moment_that_is_recorded(history: History) -> None:
    limit = 2 * LAST_AT_ONCE
    async with Target(python(SERVES), history) as target:
        probes = Probes(target.port, history)
        asked_to_start = lines(history, "asked")
        async with request_limit_reached(probes, history, limit, "/health"):
            await until(lambda: lines(history, "asked") - asked_to_start >= limit, "so many requests")
        await probes.stop()
    cause = only(history, "cause")
    assert cause.detail == {"cause": "request limit", "requests": LAST_AT_ONCE + SPARE}
    assert history.t0 == cause.t
    before = [line for line in seen(history, "line") if line.t < cause.t]
    assert len(before) <= limit - LAST_AT_ONCE + 2  # those that found it ready


async def test_a_source_file_is_touched_and_gone_again(history: History) -> None:
    async with Target(python(SERVES), history) as target:
        with source_touched(target):
            assert [file.suffix for file in target.folder.iterdir()] == [".py"]
        assert list(target.folder.iterdir()) == []
    assert only(history, "cause").detail == {"cause": "reload"}
    assert not target.folder.exists()


async def test_the_memory_of_a_target_is_sampled(history: History) -> None:
    async with Target(python(SERVES), history) as target:
        probes = Probes(target.port, history)
        probes.keep(watch_memory(target))
        await until(lambda: len(seen(history, "memory")) >= 2, "two samples")
        await probes.stop()
    assert all(2**20 < event.detail["rss_bytes"] < 2**30 for event in seen(history, "memory"))


async def test_a_target_in_startup_is_idle_once_it_waits(history: History) -> None:
    async with Target(python(STARTS_SLOWLY), history, comes_up=False) as target:
        assert await target.until_idle(within_s=10.0)
        target.signal(signal.SIGTERM)
        assert await target.until_exit(within_s=5.0)
    assert seen(history, "ready") == []


async def test_a_target_that_exits_instead_of_waiting_is_a_failure_with_its_log(history: History) -> None:
    with pytest.raises(TargetFailed, match="it exited while it started") as failed:
        async with Target(python("import sys; sys.exit('no luck')"), history, comes_up=False) as target:
            await target.until_idle(within_s=10.0)
    assert (failed.value.status, failed.value.tail) == (1, ["no luck"])
    assert failed.value.log is not None
    assert failed.value.log.read_text() == "no luck\n"


async def test_a_target_that_never_rests_is_not_idle(history: History) -> None:
    async with Target(python("while True: pass"), history, comes_up=False) as target:
        assert not await target.until_idle(within_s=0.6)


@pytest.mark.parametrize(
    ("exposition", "values"),
    [
        (b"# HELP ebb_connections Connections\nebb_connections 12.0\n", {"": 12.0}),
        (b'# HELP ebb_connections {worker="3"}\nebb_connections{worker="1"} 3\n', {"1": 3.0}),
        (b'ebb_connections{worker="1"} 3\nebb_connections{worker="2"} 4e0\n', {"1": 3.0, "2": 4.0}),
        (b'ebb_connections{room="a",worker="2"} 3\nebb_connections{room="b",worker="2"} 4\n', {"2": 7.0}),
        (b'ebb_connections{process="7",worker="2"} 3\n', {"2/7": 3.0}),
        (b'ebb_connections 3\nebb_refused_total{worker="2"} 3\n', {"": 3.0}),
        (b"ebb_connections_total 12\n", {}),
        (b"ebb_connections many\n", {}),
        (b"", {}),
    ],
)
def test_a_gauge_is_read_from_the_metrics_for_each_process(exposition: bytes, values: dict[str, float]) -> None:
    assert values_of("ebb_connections", exposition) == values
