"""Workers on one port that die, stop by themselves or are replaced while the other workers serve."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from harness.probes.http import fetch
from harness.probes.network import why_not_bindable
from harness.targets.descendants import runs
from tests.scenarios.host_clients import Watch, close_code, crowd, notice
from tests.scenarios.hosts import BREAKABLE, ENOUGH, Host

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]


async def test_a_killed_worker_is_replaced_and_only_its_own_clients_notice() -> None:
    async with Host() as host, crowd(host.port, ENOUGH) as clients:
        victim = host.workers[2][0]
        victim.kill()
        answers = []
        while host.said("worker 2: Application startup complete") < 2:
            answers.append(await fetch(host.port, "/health"))
        cut_off = [client for client in clients if client.protocol.state.name == "CLOSED"]
        for client in set(clients) - set(cut_off):
            await (await client.ping())

        assert 0 < len(cut_off) < ENOUGH
        assert {None} == {await close_code(client) for client in cut_off}
        assert {answer.status for answer in answers} <= {200, None}
        assert "timeout" not in {answer.error for answer in answers}
        said = f"worker 2 (process {victim.pid}) ended with status -9; another one comes in 0.1 s"
        assert host.said(said) == 1, host.output


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGUSR1])
async def test_a_worker_that_stops_by_itself_is_replaced_while_it_drains(which: signal.Signals) -> None:
    async with Host(DRAIN_TIMEOUT_S="30") as host, crowd(host.port, ENOUGH) as clients:
        leaver = host.workers[1][0]
        leaver.send_signal(which)
        await host.until_said("worker 1: Application startup complete", 2)
        assert runs(leaver)
        async with Watch(host.port) as watch:
            await host.until(lambda: watch.answers.get(200, 0) >= 50, "50 answers")
        for client in clients:
            await client.close()
        await host.until(lambda: not runs(leaver), "its exit")

        assert watch.answers.keys() == {200}
        assert host.said("is leaving by itself; another one comes in 0.1 s") == 1
        host.signal(signal.SIGTERM)
        assert await host.until_exit() == 0, host.output


async def test_workers_at_their_request_limit_are_replaced_and_no_request_is_refused() -> None:
    async with Host("--limit-max-requests", "20") as host, Watch(host.port) as watch:
        first = [host.workers[number][0] for number in (1, 2)]
        await host.until(lambda: not any(runs(each) for each in first), "the exit of both")

    assert watch.answers.keys() == {200}


async def test_sighup_replaces_all_workers_and_the_host_is_never_unready_for_a_second() -> None:
    async with Host() as host, crowd(host.port, 10) as clients:
        first = [host.workers[number][0] for number in (1, 2)]
        async with Watch(host.port) as watch:
            host.signal(signal.SIGHUP)
            await host.until_said("replaced 2 workers")
        for client in clients:
            await notice(client)
            await client.close()
        await host.until(lambda: not any(runs(each) for each in first), "the exit of the retired workers")
        async with crowd(host.port, 4):
            host.signal(signal.SIGTERM)
            status = await host.until_exit()

        assert status == 0, host.output
        assert watch.longest_s < 1
        assert watch.answers[200] > 10
        assert sum(report["present"] for report in host.reports) == 14
        assert {number: len(each) for number, each in host.workers.items()} == {1: 2, 2: 2}
        assert "Traceback" not in host.output


async def test_any_number_of_sighups_during_a_roll_cause_one_more_roll() -> None:
    async with Host() as host:
        host.signal(signal.SIGHUP)
        await host.until_said("replacing 2 workers")
        while host.said("worker 2: Started server process") < 2:
            host.signal(signal.SIGHUP)  # a worker that was just forked is in the parent's group for a moment
            await asyncio.sleep(0)
        await host.until_said("replaced 2 workers", 2)
        host.signal(signal.SIGTERM)
        status = await host.until_exit()

        assert status == 0, host.output
        assert host.said("replacing 2 workers, one by one") == 2


async def test_sigterm_during_a_roll_drains_all_workers_at_once() -> None:
    async with Host(workers=3, DRAIN_TIMEOUT_S="60") as host, crowd(host.port, 9) as clients:
        host.signal(signal.SIGHUP)
        await host.until_said("worker 1: Application startup complete", 2)
        await host.until_said("worker 2: Started server process", 2)
        host.signal(signal.SIGTERM)
        for client in clients:
            await notice(client)
        assert not host.said("evicting:"), "every client is notified before any client is evicted"
        for client in clients:
            await client.close()
        status = await host.until_exit()

        assert status == 0, host.output
        assert sum(report["left"] for report in host.reports) == 9
        assert host.left() == []
        assert why_not_bindable(host.port) is None
        assert host.said("WARNING") == 1, "only the one about memory://"


async def test_if_a_new_worker_does_not_become_ready_the_old_workers_stay(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    async with Host(command=(sys.executable, "-c", BREAKABLE), IS_BROKEN=str(broken)) as host:
        broken.touch()
        async with Watch(host.port) as watch:
            host.signal(signal.SIGHUP)
            await host.until_said("no more workers are replaced: worker 1 (process ")
        assert host.said(f"did not become ready, worker 1 (process {host.workers[1][0].pid}) stays") == 1
        assert watch.answers.keys() == {200}
        broken.unlink()
        host.signal(signal.SIGHUP)
        await host.until_said("replaced 2 workers")
