"""What is done to uvicorn's Server, and that a startup can be given up."""

from __future__ import annotations

import asyncio
import signal
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from server.drain.uvicorn import hold_shutdown, parent_grace_s, running_server, take_force, unless_stopped


@pytest.fixture
def server() -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config("nowhere:app"))


def test_the_running_server_is_the_owner_of_the_signal_handler(server):
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        assert running_server() is server
    finally:
        signal.signal(signal.SIGTERM, before)
    assert running_server() is None


def test_a_later_sigint_is_taken_once(server):
    server.handle_exit(signal.SIGTERM, None)
    assert not take_force(server)
    server.handle_exit(signal.SIGINT, None)
    assert take_force(server)
    assert not take_force(server)
    assert not server.force_exit


def test_only_gunicorn_has_a_grace_of_its_own(server):
    assert parent_grace_s(server) is None

    class Worker:
        cfg = SimpleNamespace(graceful_timeout=30)

        async def notify(self) -> None: ...

    server.config.callback_notify = Worker().notify
    assert parent_grace_s(server) == 30


@pytest.mark.looptime
async def test_a_startup_that_hangs_is_given_up_when_the_server_is_told_to_stop(server):
    given_up = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    asyncio.get_running_loop().call_later(60, server.handle_exit, signal.SIGTERM, None)
    await unless_stopped(server, hang())

    assert given_up.is_set()
    assert 60 <= asyncio.get_running_loop().time() < 60.2


async def test_a_startup_that_fails_still_fails(server):
    async def fail() -> None:
        raise ConnectionError("no database")

    with pytest.raises(ConnectionError, match="no database"):
        await unless_stopped(server, fail())
    with pytest.raises(ConnectionError, match="no database"):
        await unless_stopped(None, fail())


@pytest.mark.looptime
async def test_the_drain_comes_first_then_uvicorns_own_part_then_the_report(server):
    told: list[str] = []

    async def tell(what: str, s: float = 0) -> None:
        await asyncio.sleep(s)
        told.append(what)

    server.servers = []
    server.lifespan = SimpleNamespace(shutdown_event=asyncio.Event(), shutdown=lambda: tell("lifespan shutdown"))
    server.shutdown = lambda sockets: tell("uvicorn's own part")
    server.on_tick = lambda counter: tell("tick") if counter == 0 else tell_nothing()
    hold_shutdown(server, lambda: tell("drained", 3), lambda: told.append("report"))
    await server.shutdown()

    assert told == ["tick", "drained", "uvicorn's own part", "lifespan shutdown", "report"]
    assert server.should_exit


@pytest.mark.attack
@pytest.mark.looptime
@pytest.mark.parametrize(
    ("breaks", "name"),
    [
        ("tick", "uvicorn's tick"),
        ("drain", "the drain"),
        ("close_listeners", "refusing the last handshakes"),
        ("original", "uvicorn's own part"),
        ("lifespan", "lifespan shutdown"),
        ("report", "the report"),
    ],
)
async def test_whatever_is_raised_in_a_step_is_one_line_and_the_stop_goes_on(server, caplog, breaks, name):
    told: list[str] = []
    nothing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    nothing.set_result(None)

    def step(what: str) -> Any:
        told.append(what)
        if what == breaks:
            raise AssertionError("not on purpose")
        return nothing

    shutdown_event = asyncio.Event()
    server.servers = []
    server.on_tick = lambda counter: step("tick") if counter == 0 else nothing
    server.close_listeners = lambda: step("close_listeners")
    server.lifespan = SimpleNamespace(shutdown_event=shutdown_event, shutdown=lambda: step("lifespan"))
    server.shutdown = lambda sockets: step("original")
    aborted: list[str] = []
    server.server_state.connections = {ConnectionStub(aborted)}

    async def drain() -> None:
        await asyncio.sleep(0.5)  # or nothing ticks meanwhile
        step("drain")

    hold_shutdown(server, drain, lambda: step("report"))
    await server.shutdown()

    assert told == ["tick", "drain", "close_listeners", "original", "lifespan", "report"]
    assert aborted == (["aborted"] if breaks == "original" else [])
    ((level, message),) = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert level == "ERROR"
    assert message.startswith(f"{name} failed, and the stop goes on: AssertionError('not on purpose') at {__file__}:")


class ConnectionStub:
    """Half a handshake."""

    def __init__(self, aborted: list[str]) -> None:
        self.transport = SimpleNamespace(abort=lambda: aborted.append("aborted"))

    def shutdown(self) -> None: ...


@pytest.mark.looptime
async def test_one_connection_that_uvicorn_cannot_close_costs_no_other_its_answer(server):
    told: list[str] = []

    class Bad(ConnectionStub):
        def shutdown(self) -> None:
            raise AssertionError("not on purpose")

    async def answer() -> None:
        await asyncio.sleep(0.2)
        told.append("answered")

    async def original(sockets: Any) -> None:
        raise AssertionError("not on purpose")

    server.servers = []
    server.lifespan = SimpleNamespace()
    server.shutdown = original
    bad, under_way = Bad(aborted := []), ConnectionStub(told)
    server.server_state.connections = {bad, under_way}
    server.server_state.tasks.add(asyncio.ensure_future(answer()))
    hold_shutdown(server, tell_nothing, tell_nothing)
    await server.shutdown()

    assert aborted[0] == "aborted"
    assert told == ["answered", "aborted"]


async def tell_nothing() -> None: ...


@pytest.mark.looptime
async def test_handlers_that_swallow_their_cancellation_are_left_behind_and_the_lifespan_is_shut_down(server, caplog):
    told: list[str] = []

    async def shut_down() -> None:
        told.append("lifespan shutdown")

    async def never() -> None:
        await asyncio.Event().wait()

    server.servers = []
    server.lifespan = SimpleNamespace(shutdown_event=asyncio.Event(), shutdown=shut_down)
    handler = asyncio.ensure_future(never())
    server.server_state.tasks.add(handler)
    hold_shutdown(server, tell_nothing, lambda: told.append("report"))
    await server.shutdown()
    handler.cancel()

    assert told == ["lifespan shutdown", "report"]
    assert "1 handlers have not ended, and are left behind" in caplog.messages
