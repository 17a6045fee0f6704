"""One scrape of a shared port has the numbers of every worker: also of those that drain, are stuck or are replaced."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from harness.probes.http import Reply, fetch
from tests.scenarios.host_clients import crowd
from tests.scenarios.hosts import ENOUGH, PATIENCE_S, SERVER, Host

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]


async def scrape(host: Host) -> dict[str, Metric]:
    """The families that one scrape finds, whichever worker answers it; one that is stopped answers nothing."""
    async with asyncio.timeout(PATIENCE_S):
        while (reply := await fetch(host.port, "/metrics")).status != 200:
            pass
    return families(reply)


def families(reply: Reply) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(reply.body.decode())}


def by_process(family: Metric, **labels: str) -> dict[int, float]:
    return {
        int(sample.labels["process"]): sample.value
        for sample in family.samples
        if labels.items() <= sample.labels.items()
    }


def sockets(host: Host) -> list[str]:
    folder = Path(host.workers[1][0].environ()["SERVER_METRICS_DIR"])
    return sorted(path.name for path in folder.glob("*.metrics"))


def names(host: Host, *generations: int) -> list[str]:
    """The sockets of the workers that were started as the n-th under their number, for each number in turn."""
    return sorted(f"{number}-{host.workers[number][n].pid}.metrics" for number, n in enumerate(generations, start=1))


async def test_one_scrape_has_the_connections_of_all_workers_and_names_one_that_is_stuck() -> None:
    async with Host(workers=3) as host, crowd(host.port, ENOUGH):
        pids = [host.workers[number][0].pid for number in (1, 2, 3)]
        for _ in range(5):
            seen = await scrape(host)
            assert by_process(seen["ebb_worker_up"]) == dict.fromkeys(pids, 1)
            assert sum(by_process(seen["ebb_connections"]).values()) == ENOUGH
        assert all(by_process(seen["ebb_connections"]).values())

        stuck = host.workers[2][0]
        stuck.suspend()
        seen = await scrape(host)
        assert by_process(seen["ebb_worker_up"]) == dict.fromkeys(pids, 1) | {stuck.pid: 0}
        assert by_process(seen["ebb_connections"]).keys() == set(pids) - {stuck.pid}
        stuck.resume()
        assert by_process((await scrape(host))["ebb_worker_up"]) == dict.fromkeys(pids, 1)


async def test_the_parent_serves_the_numbers_of_all_at_a_port_of_its_own_whichever_worker_is_stuck() -> None:
    async with Host("--metrics-port", "0", workers=3, DRAIN_TIMEOUT_S="30") as host, crowd(host.port, ENOUGH):
        (port,) = (int(found[1]) for line in host.lines if (found := re.search(r"metrics .* are on .*:(\d+)$", line)))
        for number in (1, 2, 3):
            (stuck,) = host.workers[number]
            stuck.suspend()
            seen = families(await fetch(port, "/metrics"))
            stuck.resume()
            assert [pid for pid, is_up in by_process(seen["ebb_worker_up"]).items() if not is_up] == [stuck.pid]
            assert len(by_process(seen["ebb_connections"])) == 2
        host.signal(signal.SIGTERM)
        await host.until_said("draining", 3)
        seen = families(await fetch(port, "/metrics"))
        assert sum(by_process(seen["ebb_phase"], phase="draining").values()) == 3
        assert sum(by_process(seen["ebb_connections"]).values()) == ENOUGH
    assert "Traceback" not in host.output


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        ((), 2, "--metrics-port is for several --workers of the reference server"),
        (("server.main:app", "--workers", "2"), 2, "--metrics-port is for several --workers of the reference server"),
        (("--workers", "2"), 1, "cannot serve metrics on 127.0.0.1 port {port}: Address already in use"),
    ],
    ids=["alone", "somebody's own", "taken"],
)
def test_a_metrics_port_that_cannot_be_is_refused_with_one_line(more: tuple[str, ...], status: int, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [*SERVER, *more, "--port", "0", "--metrics-port", str(port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr.splitlines()[-1].count(said.format(port=port))) == (status, 1), done.stderr


async def test_workers_that_drain_are_seen_until_they_exit_and_leave_no_socket_behind() -> None:
    async with Host(DRAIN_TIMEOUT_S="30") as host:
        async with crowd(host.port, ENOUGH):
            host.signal(signal.SIGHUP)
            await host.until_said("replaced 2 workers")
            retired = {host.workers[number][0].pid for number in (1, 2)}
            drain: set[int] = set()
            while drain != retired:
                seen = await scrape(host)
                drain = {pid for pid, is_so in by_process(seen["ebb_phase"], phase="draining").items() if is_so}
            connections = by_process(seen["ebb_connections"])
            assert sum(connections[pid] for pid in retired) == ENOUGH
            assert sockets(host) == sorted(names(host, 0, 0) + names(host, 1, 1))
            folder = Path(host.workers[1][0].environ()["SERVER_METRICS_DIR"])
        await host.until(lambda: len(host.left()) == 2, "the exit of those that were retired")
        assert sorted(path.name for path in folder.glob("*.metrics")) == names(host, 1, 1)

        host.workers[1][1].kill()
        await host.until_said("worker 1: Application startup complete", 3)
        seen = await scrape(host)
        assert set(by_process(seen["ebb_worker_up"])) == {host.workers[1][2].pid, host.workers[2][1].pid}
        assert sorted(path.name for path in folder.glob("*.metrics")) == names(host, 2, 1)

        host.signal(signal.SIGTERM)
        assert await host.until_exit() == 0, host.output
        assert not folder.exists()
