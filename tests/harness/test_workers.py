"""Targets of several worker processes: who serves, whose clients are whose, what is done to them, what is excluded."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from dataclasses import replace

import psutil
import pytest

from harness import run as run_module
from harness.clauses import Verdict
from harness.faults.frozen import frozen
from harness.faults.rolled import roll, until_replaced
from harness.faults.worker import kill_worker, until_serving, workers
from harness.history.record import History
from harness.history.terms import environment_of, terms_of
from harness.probes.network import HOST
from harness.run import UNDECIDED, run
from harness.scenarios import SCENARIOS, AnyStage
from harness.targets.declaration import REFERENCE, Ask, Profile
from harness.targets.known import WORKERS
from harness.targets.talk import Talk
from harness.targets.target import Target, TargetFailed
from tests.harness.servers import empty_history, kinds, only, until

WORKER = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
held = []
while True:
    held.append(listener.accept()[0])
"""
PARENT = f"""
import signal, subprocess, sys
def start():
    return subprocess.Popen([sys.executable, "-c", {WORKER!r}, sys.argv[1]], start_new_session=True)
def replace(*_):
    for worker in crew:
        worker.kill()
        worker.wait()
signal.signal(signal.SIGHUP, replace)
idle = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
crew = [start() for _ in range(int(sys.argv[2]))]
while True:
    signal.pause()
"""
ASK = Ask(clients=20, timeout_s=2.0)


@pytest.fixture
def history() -> History:
    return empty_history()


def parent_of(count: int) -> Profile:
    return Profile(command=("{python}", "-c", PARENT, "{port}", str(count)), ready=None)


async def serving(target: Target, count: int) -> None:
    assert await until_serving(target, count, within_s=20.0)


async def held(target: Target, ours: set[int]) -> dict[int, set[int]]:
    """Which worker has accepted which of these connections, once all are."""
    async with asyncio.timeout(5.0):
        while True:
            found = {worker.process.pid: worker.ports & ours for worker in await workers(target)}
            if sum(map(len, found.values())) == len(ours):
                return {pid: set(ports) for pid, ports in found.items()}
            await asyncio.sleep(0.02)


async def test_the_workers_of_a_target_are_those_of_its_children_that_listen(history: History) -> None:
    async with Target(parent_of(2), history) as target:
        await serving(target, 2)
        assert len(psutil.Process(target.pid).children()) == 3


async def test_whose_connections_a_worker_holds_is_known_and_recorded_as_it_is_killed(history: History) -> None:
    async with Target(parent_of(2), history) as target:
        await serving(target, 2)
        with ExitStack() as stack:
            clients = [stack.enter_context(socket.create_connection((HOST, target.port))) for _ in range(20)]
            ours = {client.getsockname()[1] for client in clients}
            whose = await held(target, ours)
            await kill_worker(target)
        killed = only(history, "worker_killed")
        assert set(killed.detail["ports"]) & ours == whose[killed.detail["pid"]]
        assert killed.detail["looked_at"] <= killed.t
        victim = psutil.Process(killed.detail["pid"])
        await until(lambda: victim.status() == psutil.STATUS_ZOMBIE, "the end of the worker")
        assert len(await workers(target)) == 1
    assert history.t0 is None


async def test_a_lone_worker_is_not_killed(history: History) -> None:
    async with Target(parent_of(1), history) as target:
        await serving(target, 1)
        with pytest.raises(TargetFailed, match="1 worker processes serve, and to kill one there must be 2"):
            await kill_worker(target)


async def test_a_worker_that_never_comes_is_not_waited_for_for_ever(history: History) -> None:
    async with Target(parent_of(1), history) as target:
        await serving(target, 1)
        assert not await until_serving(target, 2, within_s=0.1)


async def test_of_a_target_that_is_gone_nobody_serves(history: History) -> None:
    async with Target(parent_of(1), history) as target:
        await serving(target, 1)
        gone = psutil.Process(target.pid)
        gone.kill()
        await until(lambda: not gone.is_running(), "the end of the target")
        assert not await until_serving(target, 1, within_s=0.1)


async def test_a_roll_is_recorded_is_no_stop_and_is_over_when_all_have_gone(history: History) -> None:
    async with Target(parent_of(2), history) as target:
        await serving(target, 2)
        former = await roll(target)
        assert len(former) == 2
        assert await until_replaced(target, former, within_s=5.0)
    assert only(history, "rolled").t < only(history, "replaced").t
    assert history.t0 is None


async def test_a_worker_that_stays_is_not_waited_for_for_ever(history: History) -> None:
    async with Target(parent_of(2), history) as target:
        await serving(target, 2)
        assert not await until_replaced(target, [each.process for each in await workers(target)], within_s=0.1)
    assert "replaced" not in kinds(history, "target")


async def test_workers_in_sessions_of_their_own_are_frozen_with_their_parent(history: History) -> None:
    async with Target(parent_of(2), history) as target:
        await serving(target, 2)
        target.note_children()
        processes = [psutil.Process(target.pid), *psutil.Process(target.pid).children()]
        with frozen(target):
            await until(lambda: {each.status() for each in processes} == {psutil.STATUS_STOPPED}, "all are stopped")
        await until(lambda: psutil.STATUS_STOPPED not in {each.status() for each in processes}, "all go on")


async def test_workers_in_sessions_of_their_own_are_ended_with_their_parent(history: History) -> None:
    async with Target(parent_of(2), history) as target:
        await serving(target, 2)
        pids = [worker.process.pid for worker in await workers(target)]
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


def test_the_pace_of_all_is_divided_by_the_target_or_by_the_harness() -> None:
    terms = terms_of(WORKERS, ASK, evict_per_s=60.0)
    assert terms.profile.processes == 2
    assert environment_of(terms)["SERVER_EVICT_PER_S"] == "60"
    assert environment_of(replace(terms, profile=WORKERS.changed(divides_pace=False)))["SERVER_EVICT_PER_S"] == "30"


RESUMING = Talk(remember=("(?P<seq>.)",), resume="?last={seq}")


@pytest.mark.parametrize(
    ("scenario", "profile", "reason"),
    [
        ("worker_dies", REFERENCE, "the target declares that one process serves"),
        (
            "worker_dies",
            WORKERS.changed(envelopes=False),
            "the target does not declare how a client resumes: talk.remember and talk.resume",
        ),
        ("worker_dies", WORKERS.changed(envelopes=False, talk=RESUMING), None),
        ("worker_dies", WORKERS, None),
        ("broker_dies", REFERENCE.changed(broker_env=None), "the target declares no broker_env"),
        ("broker_dies", REFERENCE.changed(envelopes=False, talk=RESUMING), "the target declares no envelopes"),
        ("broker_dies", REFERENCE, None),
    ],
)
def test_what_a_target_must_have_for_a_scenario(scenario: str, profile: Profile, reason: str | None) -> None:
    assert SCENARIOS[scenario].why_excluded(profile) == reason


async def test_without_a_broker_to_start_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody_watches(_: AnyStage) -> None:
        raise AssertionError("nothing was to be started")

    monkeypatch.setattr(run_module, "binaries", lambda: [])
    outcome = await run(SCENARIOS["broker_dies"], REFERENCE, ASK, nobody_watches)
    assert {ruling.verdict for ruling in outcome.rulings} == {Verdict.UNKNOWN}
    assert "neither valkey-server nor redis-server is installed" in outcome.rulings[0].evidence
    assert outcome.exit_code == UNDECIDED
