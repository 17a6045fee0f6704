"""A WebSocket server inside the test, which runs what the test gives it and remembers what it saw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from harness.history.events import Event
from harness.history.record import History
from harness.history.terms import Terms
from harness.probes.network import HOST
from harness.targets.declaration import Profile

PATIENCE_S = 20.0  # as much as a busy machine may need; a client that backs off waits for up to 10 s by itself

Behaviour = Callable[["Served"], Awaitable[None]]


class Served(ServerConnection):
    """One connection of the server, with the chunks in which its bytes arrived."""

    def data_received(self, data: bytes) -> None:
        if not hasattr(self, "chunks"):
            self.chunks: list[bytes] = []
        self.chunks.append(data)
        super().data_received(data)


@asynccontextmanager
async def serving(
    behave: Behaviour, refuse: Callable[[ServerConnection, Request], Response | None] | None = None
) -> AsyncIterator[int]:
    """A server that runs `behave` for each connection; yields its port."""

    async def handle(connection: ServerConnection) -> None:
        assert isinstance(connection, Served)
        await behave(connection)

    settings = {"create_connection": Served, "process_request": refuse, "close_timeout": PATIENCE_S}
    async with serve(handle, HOST, 0, compression=None, **settings) as server:  # type: ignore[arg-type]  # any of websockets' settings
        yield next(iter(server.sockets)).getsockname()[1]


def empty_history() -> History:
    """A history for a test without verdicts."""
    return History(Terms(Profile(command="{port}"), 1.0, None, 1.0, None))


async def until(condition: Callable[[], object], reason: str) -> None:
    """Wait for a condition; fail with `reason` if it does not come true."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE_S} s: {reason}") from None


def kinds(history: History, who: str) -> list[str]:
    """What one name recorded, in order."""
    return [event.what for event in history.events if event.who == who]


def only(history: History, what: str) -> Event:
    """The one event of a kind."""
    (event,) = [event for event in history.events if event.what == what]
    return event
