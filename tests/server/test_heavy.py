"""The pool of heavy computations: bounded, killable, and no victim of the signals that its group gets."""

from __future__ import annotations

import asyncio
import json
import os
import signal

import pytest

from server.endpoints.heavy import WAITING, Heavy, HeavyPool, prove_work
from tests.server.peers import InMemoryServer, Peer


@pytest.fixture
async def pool():
    pool = HeavyPool(processes=1)
    yield pool
    await pool.end()


def processes(pool: HeavyPool) -> list:
    return list(pool._executor._processes.values())


def test_the_result_can_be_checked_with_one_hash():
    assert json.loads(prove_work("ebb"))["sha256"].startswith("0000")


async def test_its_processes_survive_the_signals_of_their_group(pool):
    await pool.compute("first")
    for process in processes(pool):
        os.kill(process.pid, signal.SIGINT)
        os.kill(process.pid, signal.SIGTERM)

    assert json.loads(await pool.compute("second"))["status"] == "ok"


async def test_a_process_that_dies_is_confessed_and_replaced(pool):
    await pool.compute("first")
    working = asyncio.create_task(pool.compute("second"))
    await asyncio.sleep(0)
    for process in processes(pool):
        process.kill()

    assert json.loads(await working)["detail"] == "the process that worked on it died; send it again"
    assert json.loads(await pool.compute("third"))["status"] == "ok"


async def test_killing_it_leaves_no_process_behind(pool):
    await pool.compute("first")
    started = processes(pool)
    await pool.end()
    await pool.end()

    for process in started:
        process.join(timeout=10)
        assert process.exitcode == -signal.SIGKILL


def held(pool: HeavyPool, monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], asyncio.Event]:
    """Have each computation wait: what has begun, and what lets all of them go on."""
    begun: list[str] = []
    go_on = asyncio.Event()

    async def work(text: str) -> str:
        begun.append(text)
        await go_on.wait()
        return text

    monkeypatch.setattr(pool, "_work", work)
    return begun, go_on


@pytest.mark.attack
async def test_one_too_many_is_told_so_at_once_and_one_whose_asker_leaves_is_never_begun(pool, monkeypatch):
    begun, go_on = held(pool, monkeypatch)
    asked = [asyncio.create_task(pool.compute(f"{n}")) for n in range(WAITING + 1)]
    await asyncio.sleep(0)
    busy = {"status": "error", "detail": f"busy: {WAITING} computations wait; send it again"}
    assert json.loads(await pool.compute("one too many")) == busy
    for each in asked[5:]:
        each.cancel()
    go_on.set()
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert done[:5] == begun == [f"{n}" for n in range(5)]
    assert await pool.compute("the next") == "the next"


@pytest.mark.attack
async def test_a_computation_whose_asker_has_left_has_its_process_until_it_is_done(pool, monkeypatch):
    """It was counted as done before, so that the next ones stood in a queue of the processes, without a bound."""
    begun, go_on = held(pool, monkeypatch)
    first = asyncio.create_task(pool.compute("first"))
    await asyncio.sleep(0.01)
    first.cancel()
    honest = asyncio.create_task(pool.compute("honest"))
    await asyncio.sleep(0.01)
    assert begun == ["first"]
    go_on.set()
    assert await honest == "honest"


class HeavyServer(InMemoryServer):
    """Whoever connects may ask for computations."""

    def __init__(self, pool: HeavyPool) -> None:
        super().__init__()
        self.pool = pool

    @property
    def begin(self):
        return lambda connection, _: Heavy(connection, self.pool)


@pytest.mark.attack
async def test_sixty_that_ask_and_leave_at_once_keep_an_honest_client_waiting_for_one_computation(pool, monkeypatch):
    """It waited for 12 s before, for all sixty."""
    begun, go_on = held(pool, monkeypatch)
    server = HeavyServer(pool)
    for n in range(60):
        eve = Peer()
        await server.connect(eve)
        eve.say(f"{n}")
        eve.leave()
    while server.hub.connections:  # for a second, in which is carried out what can be of what they have sent
        await asyncio.sleep(0.01)
    honest = Peer()
    await server.connect(honest)
    honest.say("honest")
    go_on.set()
    while not honest.heard:
        await asyncio.sleep(0.01)
    assert (begun, honest.heard) == (["0", "honest"], ["honest"])
    honest.leave()
