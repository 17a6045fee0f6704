"""One of several workers on a port: it retires without a reset, and tells its parent what it has to know."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
import uvloop

from server.workers.listeners import shared
from server.workers.worker_server import WorkerServer

HERE = "127.0.0.1"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answer any request with an empty 200."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@pytest.fixture
def pipes() -> Iterator[tuple[int, int, int, int]]:
    """Told, tell, lifeline, held; SIGUSR1 is as before at the end."""
    before = signal.getsignal(signal.SIGUSR1)
    told, tell = os.pipe()
    lifeline, held = os.pipe()
    yield told, tell, lifeline, held
    signal.signal(signal.SIGUSR1, before)
    for each in (told, tell, lifeline, held):
        with contextlib.suppress(OSError):  # closed by the server, or by the test
            os.close(each)


async def serving(
    tell: int, lifeline: int, held: int, may_listen: bool = True
) -> tuple[WorkerServer, int, asyncio.Task[None]]:
    """A worker that listens, its port, and what runs until it has stopped."""
    server = WorkerServer(uvicorn.Config(hello, lifespan="off", log_config=None, ws="none"), tell, lifeline)
    sockets = shared(HERE, 0)
    port = sockets[0].getsockname()[1]
    if not server.config.loaded:
        server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    if may_listen:
        os.write(held, b".")
    await server.startup(sockets)
    return server, port, asyncio.create_task(server.main_loop())


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_whoever_the_kernel_has_let_in_is_served_by_a_worker_that_retires(loop_factory: Any, pipes: Any):
    told, tell, lifeline, held = pipes

    async def act() -> list[bytes]:
        server, port, serves = await serving(tell, lifeline, held)
        assert os.read(told, 10) == b".."
        waiting = [socket.create_connection((HERE, port)) for _ in range(20)]  # the loop has no turn to accept them
        server.retire()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HERE, port))
        for each in waiting:
            each.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        loop = asyncio.get_running_loop()
        for each in waiting:
            each.setblocking(False)
        answers = [await loop.sock_recv(each, 100) for each in waiting]
        assert not server.should_exit
        await serves
        assert server.should_exit
        assert os.read(told, 10) == b""
        for each in waiting:
            each.close()
        await server.shutdown()
        return answers

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        answers = runner.run(act())

    assert [answer[:15] for answer in answers] == [b"HTTP/1.1 200 OK"] * 20


async def test_a_worker_that_has_started_listens_when_its_parent_says_so(pipes: Any):
    told, tell, lifeline, held = pipes
    serves = asyncio.create_task(serving(tell, lifeline, held, may_listen=False))
    assert await asyncio.to_thread(os.read, told, 10) == b"."
    assert not serves.done()
    os.write(held, b".")
    server, port, loop = await serves
    socket.create_connection((HERE, port)).close()

    assert os.read(told, 10) == b"."
    server.retire()
    await loop
    await server.shutdown()


async def test_a_worker_that_is_told_to_stop_does_not_wait_until_it_may_listen(pipes: Any):
    told, tell, lifeline, held = pipes
    serves = asyncio.create_task(serving(tell, lifeline, held, may_listen=False))
    assert await asyncio.to_thread(os.read, told, 10) == b"."
    os.close(held)
    server, _, loop = await serves
    await loop
    await server.shutdown()

    assert os.read(told, 10) == b"", "it was never ready"


async def test_a_worker_whose_parent_is_gone_retires(pipes: Any):
    told, tell, lifeline, held = pipes
    server, port, serves = await serving(tell, lifeline, held)
    os.close(held)
    await serves

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HERE, port))
    assert server.should_exit
    assert os.read(told, 10) == b".."
    await server.shutdown()


async def test_a_request_limit_asks_for_a_successor_and_goes_on_until_it_is_there(pipes: Any):
    told, tell, lifeline, held = pipes
    server, port, serves = await serving(tell, lifeline, held)
    server.config.limit_max_requests = 0
    assert await asyncio.to_thread(os.read, told, 1) == b"."
    assert await asyncio.to_thread(os.read, told, 1) == b"."

    socket.create_connection((HERE, port)).close()
    server.retire()
    await serves
    await server.shutdown()
