"""Holds uvicorn's shutdown until every connection is drained.

Owns everything that depends on how uvicorn stops. Measured on uvicorn 0.54: `Server.shutdown` closes the listener,
sends 1012 to every socket in the same tick, closes the transports, waits for ever for a stalled one, and only then
runs lifespan shutdown. So `shutdown` is wrapped on the running instance: drain first, with the listener still open,
then the original. No signal handler is replaced, so this holds on the plain command line, under `--reload`, with
workers, and for a stop without a signal.

Whatever is raised in a step of the stop is one ERROR line, and the stop goes on to its end: measured, a handshake that
websockets itself has refused (a header of 9 kB) makes uvicorn's part fail.

It leans on uvicorn's internals (`Server.shutdown`, `should_exit`, `force_exit`, `on_tick`, `server_state`), so the
range of versions is pinned in `pyproject.toml`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import uvicorn

from ..logs import raised_at

logger = logging.getLogger("ebb")

# Seconds in which handshakes that were under way when the last client left still get their 503.
LAST_REFUSALS_S = 0.1
# Seconds that uvicorn's own part may take before what is left (half a handshake, a stalled request) is cut off.
CUT_OFF_S = 0.3
# Seconds after which handlers that do not end, though they were cancelled, are left behind.
LEAVE_S = 0.5


def running_server() -> uvicorn.Server | None:
    """Find the uvicorn Server that serves in this process: the owner of the installed SIGTERM handler."""
    owner = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return owner if isinstance(owner, uvicorn.Server) else None


def take_force(server: uvicorn.Server) -> bool:
    """Say whether a later SIGINT has come, and take it: uvicorn would skip lifespan shutdown for it."""
    forced, server.force_exit = server.force_exit, False
    return forced


def parent_grace_s(server: uvicorn.Server) -> float | None:
    """How long gunicorn waits for this worker before it kills it, in seconds; None under any other parent."""
    worker = getattr(server.config.callback_notify, "__self__", None)
    grace_s: float | None = getattr(getattr(worker, "cfg", None), "graceful_timeout", None)
    return grace_s


def workers_of(server: uvicorn.Server) -> int:
    """How many processes its parent, uvicorn's or gunicorn's, has started beside each other; 1 for none."""
    gunicorns = getattr(getattr(server.config.callback_notify, "__self__", None), "cfg", None)
    workers: int = getattr(gunicorns, "workers", None) or server.config.workers
    return workers


def bound_address(server: uvicorn.Server) -> str | None:
    """The address that it listens on, as far as it is known before that; None for a Unix socket."""
    config = server.config
    if config.fd is not None:
        with socket.socket(fileno=os.dup(config.fd)) as given:
            name = given.getsockname()
            return str(name[0]) if isinstance(name, tuple) else None
    return None if config.uds else config.host


async def unless_stopped(server: uvicorn.Server | None, startup: Coroutine[None, None, Any]) -> None:
    """Await `startup`, but give it up as soon as the server is told to stop.

    uvicorn itself waits for a startup however long it hangs; and one that raises prints a traceback and exits 3.
    """
    task = asyncio.ensure_future(startup)
    while not task.done():
        await asyncio.wait({task}, timeout=0.05)
        if server is not None and server.should_exit and not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=0.5)
            return
    await task


def hold_shutdown(server: uvicorn.Server, drain: Callable[[], Awaitable[None]], report: Callable[[], None]) -> None:
    """Make `server` await `drain` before it shuts down, and call `report` last. Once, from lifespan startup."""
    original = server.shutdown

    async def shutdown(sockets: list[socket.socket] | None = None) -> None:
        server.should_exit = True  # a request limit gets here without it; admission and readiness read it
        async with _ticking(server):
            await _step("the drain", drain)
            await _step("refusing the last handshakes", _refuse_the_last, server)
        server.force_exit = False  # or uvicorn would skip lifespan shutdown
        loop = asyncio.get_running_loop()
        due = [loop.call_later(CUT_OFF_S, _abort_all, server), loop.call_later(LEAVE_S, _leave_handlers, server)]
        if not await _step("uvicorn's own part", original, sockets):
            await _close_the_rest(server)
        for each in due:
            each.cancel()
        if (done := getattr(server.lifespan, "shutdown_event", None)) and not done.is_set():
            await _step("lifespan shutdown", server.lifespan.shutdown)
        await _step("the report", report)

    server.shutdown = shutdown  # type: ignore[method-assign]  # the whole point of this module


async def _step(name: str, step: Callable[..., Any], *arguments: Any) -> bool:
    """Do one step of the stop; log whatever it raises, and let the stop go on. Returns whether it completed."""
    try:
        result = step(*arguments)
        if inspect.isawaitable(result):
            await result
    except Exception as error:
        logger.error("%s failed, and the stop goes on: %r at %s", name, error, raised_at(error))
        return False
    return True


@contextlib.asynccontextmanager
async def _ticking(server: uvicorn.Server) -> AsyncIterator[None]:
    """Keep up what uvicorn's main loop did ten times a second: the Date header, and a parent's heartbeat."""

    async def tick() -> None:
        counter = 0
        while await _step("uvicorn's tick", server.on_tick, counter):
            counter += 1
            await asyncio.sleep(0.1)

    ticker = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticker.cancel()


async def _refuse_the_last(server: uvicorn.Server) -> None:
    """Close the listener, and answer the clients that it has accepted: uvicorn would cut them off unanswered."""
    if (close := getattr(server, "close_listeners", None)) is not None:  # of a worker, see `workers.worker_server`
        close()
    for listener in server.servers:
        listener.close()
    loop = asyncio.get_running_loop()
    until = loop.time() + LAST_REFUSALS_S
    while loop.time() < until:
        await asyncio.sleep(0.01)
        if not server.server_state.connections:
            return


async def _close_the_rest(server: uvicorn.Server) -> None:
    """Do what uvicorn has left undone: close each connection, cut off what cannot be closed, and wait for requests."""
    for connection in list(server.server_state.connections):
        try:
            connection.shutdown()
        except Exception:  # the one of which uvicorn's part has failed, or another like it
            connection.transport.abort()
    if tasks := set(server.server_state.tasks):
        await asyncio.wait(tasks, timeout=CUT_OFF_S)
    _abort_all(server)


def _abort_all(server: uvicorn.Server) -> None:
    for connection in list(server.server_state.connections):
        if connection.transport is not None:
            connection.transport.abort()


def _leave_handlers(server: uvicorn.Server) -> None:
    """Have uvicorn wait no longer for handlers that swallow their cancellation: it would for ever."""
    logger.warning("%d handlers have not ended, and are left behind", len(server.server_state.tasks))
    server.force_exit = True
