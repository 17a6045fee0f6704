"""The pool of heavy computations: bounded, killable, and no victim of the signals that its group gets."""

from __future__ import annotations

import asyncio
import json
import os
import signal

import pytest

from server.endpoints.heavy import WAITING, HeavyPool, prove_work


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


async def test_one_too_many_is_told_so_at_once_and_one_whose_asker_leaves_is_never_begun(pool, monkeypatch):
    begun: list[str] = []
    go_on = asyncio.Event()

    async def work(text: str) -> str:
        begun.append(text)
        await go_on.wait()
        return text

    monkeypatch.setattr(pool, "_work", work)
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
