"""Several worker processes on one port: they start, share the clients, drain, and outlive their parent."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from harness.probes.http import fetch
from harness.probes.network import why_not_bindable
from harness.targets.descendants import runs
from tests.scenarios.host_clients import Watch, close_code, crowd, notice
from tests.scenarios.hosts import BREAKABLE, ENOUGH, PRIVATE, SERVER, Host

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]


async def test_workers_share_the_clients_and_drain_together() -> None:
    async with Host(workers=3) as host:
        async with crowd(host.port, 30) as clients:
            host.signal(signal.SIGTERM)
            for client in clients:
                await notice(client)
            refused = await fetch(host.port, "/ready")
            for client in clients:
                await client.close()
        status = await host.until_exit()

        assert status == 0, host.output
        assert refused.status == 503
        assert {report["worker"] for report in host.reports} == {1, 2, 3}
        assert all(report["present"] > 0 for report in host.reports)
        assert sum(report["left"] for report in host.reports) == 30
        assert host.left() == []
        assert why_not_bindable(host.port) is None
        assert host.said("a stop takes up to") == 1
        assert "Traceback" not in host.output


async def test_a_hundred_sigterms_count_as_one_until_the_exit() -> None:
    async with Host() as host, crowd(host.port, 2) as clients:
        while host.said("drain.report") < 2:
            host.signal(signal.SIGTERM)
            await asyncio.sleep(0.01)
        for _ in range(100):
            host.signal(signal.SIGTERM)
        status = await host.until_exit()

        assert status == 0, host.output
        assert [await close_code(client) for client in clients] == [1012, 1012]
        assert host.said("told to stop") == 1


async def test_ctrl_c_and_a_supervisors_sigterm_count_as_one() -> None:
    async with Host() as host, crowd(host.port, ENOUGH) as clients:
        host.signal(signal.SIGINT)
        host.signal(signal.SIGTERM)
        host.signal(signal.SIGINT)
        status = await host.until_exit()

        assert status == 0, host.output
        assert [await close_code(client) for client in clients] == [1012] * ENOUGH
        assert [report["forced"] for report in host.reports] == [False, False]


async def test_an_operator_who_repeats_ctrl_c_does_not_wait_for_the_deadline() -> None:
    async with Host(DRAIN_TIMEOUT_S="1800") as host, crowd(host.port, ENOUGH) as clients:
        exits = asyncio.ensure_future(host.until_exit())
        while not exits.done():
            host.signal(signal.SIGINT)
            await asyncio.wait({exits}, timeout=0.2)

        assert await exits == 130, host.output
        assert [await close_code(client) for client in clients] == [1012] * ENOUGH
        assert [report["forced"] for report in host.reports] == [True, True]
        assert host.said("forced by an operator") == 1


async def test_if_no_worker_can_start_the_parent_exits_with_their_status(tmp_path: Path) -> None:
    async with Host(command=(sys.executable, "-c", BREAKABLE), IS_BROKEN=str(tmp_path), comes_up=False) as host:
        assert await host.until_exit() == 3, host.output
        assert host.said("none of 2 workers could start") == 1


async def test_a_signal_while_workers_start_ends_the_host_without_a_traceback() -> None:
    command = (sys.executable, "-m", "server.examples.slow_startup", "hanging")
    async with Host(command=command, comes_up=False) as host:
        await host.until_said("Waiting for application startup", 2)
        host.signal(signal.SIGTERM)
        assert await host.until_exit() == 0, host.output

    assert "Traceback" not in host.output
    assert host.said("WARNING") == 1, "only the one about memory://"


@pytest.mark.parametrize("broker", ["memory://", PRIVATE], ids=["alone", "with its Valkey"])
async def test_when_the_parent_is_killed_its_workers_free_the_port_at_once_and_exit_after_their_drain(
    broker: str,
) -> None:
    async with Host(BROKER_URL=broker) as host, crowd(host.port, ENOUGH) as clients:
        valkey = host.others()
        host.signal(signal.SIGKILL)
        assert await host.until_exit() == -9
        await host.until(lambda: why_not_bindable(host.port) is None, "the port")
        assert len(host.left()) == 2
        for client in clients:
            await notice(client)
        assert [await close_code(client) for client in clients] == [1012] * ENOUGH
        await host.until(lambda: not host.left(), "the exit of the workers")

        assert host.said("the parent process is gone") == 2
        assert not any(runs(each) for each in valkey)


async def test_a_broadcast_to_one_worker_reaches_the_clients_of_all_also_after_the_broker_has_died() -> None:
    async with Host(BROKER_URL=PRIVATE) as host, crowd(host.port, ENOUGH) as clients:
        (valkey,) = host.others()
        statuses = [await broadcast(host.port, "one")]
        valkey.kill()
        await host.until_said("the private Valkey answers again")
        async with Watch(host.port) as watch:
            await host.until(lambda: watch.answers.get(200, 0) >= 20, "20 times ready")
        statuses.append(await broadcast(host.port, "two"))
        heard = [[await client.recv() for _ in statuses] for client in clients]
        (second,) = host.others()
        host.signal(signal.SIGTERM)
        status = await host.until_exit()

        assert statuses == [202, 202]
        assert heard == [["one", "two"]] * ENOUGH
        assert status == 0, host.output
        assert not runs(second)
        assert "Traceback" not in host.output


async def broadcast(port: int, text: str) -> int | None:
    """Broadcast a text; return the status of the answer."""
    return (await fetch(port, "/broadcast", body=json.dumps({"data": text}).encode())).status


async def test_closing_the_terminal_stops_the_host() -> None:
    terminal, side = os.openpty()

    def take_terminal() -> None:
        os.setsid()
        fcntl.ioctl(side, termios.TIOCSCTTY, 0)

    async with Host(preexec=take_terminal) as host:
        os.close(side)
        os.close(terminal)
        assert await host.until_exit() == 0, host.output


def launched(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*SERVER, "--workers", "2", *options]
    environment = {**os.environ, "SERVER_BROKER_URL": "memory://", "SERVER_LOG_LEVEL": "error", **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, env=environment)


async def test_a_host_does_not_start_on_the_port_of_another_hosts_workers() -> None:
    async with Host() as host:
        done = await asyncio.to_thread(launched, "--port", str(host.port))

    assert done.returncode == 1
    assert done.stderr == f"cannot listen on 127.0.0.1 port {host.port}: Address already in use\n"


def test_a_wrong_setting_and_a_stop_budget_that_is_too_short_print_one_line_each() -> None:
    wrong = launched("--evict-per-s", "0")
    short = launched("--stop-budget-s", "5")

    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert wrong.stderr.startswith("SERVER_EVICT_PER_S='0' is not allowed: ")
    assert (short.returncode, short.stderr.count("\n")) == (1, 1)
    assert short.stderr.startswith("SERVER_STOP_BUDGET_S=5 is not enough: ")


@pytest.mark.parametrize("number", ["0", "-1", "many"])
def test_fewer_workers_than_one_are_refused(number: str) -> None:
    done = launched("--workers", number)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"python -m server: argument --workers: {number} is not allowed: 1 or more")
