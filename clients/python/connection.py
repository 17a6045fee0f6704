"""One connection of a client: a WebSocket that is opened, read, written to and left.

Owns the library, websockets, and how its errors become an `Ending`. Refuses to know what is said, and what becomes of
the client when the connection ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from .events import Ending
from .wire import SUBPROTOCOL

CLOSE_S = 2.0
MOST_BYTES = 16 * 1024 * 1024  # of one message

Headers = Callable[[], Awaitable[Mapping[str, str]]]


class Owner(Protocol):
    """Whom a connection tells what happens on it. `room` waits until another message may be read."""

    room: Callable[[], Awaitable[None]]

    def on_text(self, number: int, text: str | bytes) -> None:
        """Called with each message."""

    def on_end(self, number: int, ending: Ending) -> None:
        """Called once, unless the connection was left before."""


class Connection:
    """The connection with this number. `begin` it; it ends by itself, or when it is left."""

    def __init__(self, number: int, url: str, owner: Owner, headers: Headers, settings: Mapping[str, Any]) -> None:
        self._number = number
        self._url = url
        self._owner = owner
        self._headers = headers
        self._settings = settings
        self._outbox: deque[str] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._websocket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> asyncio.Task[None]:
        """Start its task, which the caller keeps until it has ended."""
        self._task = asyncio.create_task(self._run())
        return self._task

    def send(self, text: str) -> None:
        """Send a text after the ones before it. On a connection that has ended nothing happens."""
        self._outbox.append(text)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    def leave(self) -> None:
        """Close it with 1000, or give up opening it; its task ends when that is done, after 2 s at most."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        try:
            ending = await self._live()
        except asyncio.CancelledError:
            await self._close()
            return
        await self._close()
        self._owner.on_end(self._number, ending)

    async def _live(self) -> Ending:
        """Open it and read until it ends; return how it ended."""
        try:
            headers = await self._headers()
        except Exception as error:
            return Ending(f"no token: {error!r}")
        try:
            self._websocket = await open_websocket(
                self._url,
                subprotocols=[Subprotocol(SUBPROTOCOL)],
                additional_headers=headers,
                close_timeout=CLOSE_S,
                max_size=MOST_BYTES,
                **self._settings,
            )
        except InvalidStatus as refusal:
            status = refusal.response.status_code
            return Ending(f"refused with HTTP {status}{_detail(refusal.response.body)}", status=status)
        except (OSError, WebSocketException) as error:
            return Ending(str(error) or type(error).__name__)
        except (TypeError, ValueError) as error:  # a setting that websockets does not know
            return Ending(str(error), final=True)
        if self._websocket.subprotocol != SUBPROTOCOL:
            return Ending(f"the server does not speak {SUBPROTOCOL}", final=True)
        try:
            while True:
                self._owner.on_text(self._number, await self._websocket.recv())
                await self._owner.room()
        except ConnectionClosed as closed:
            frame = closed.rcvd or closed.sent
            if frame is None:
                return Ending("cut off without a close frame")
            said = "closed by the server" if closed.rcvd else "closed"
            return Ending(f"{said} with {frame.code} {frame.reason}".rstrip(), code=frame.code)

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while self._outbox and self._websocket is not None:
                await self._websocket.send(self._outbox.popleft())

    async def _close(self) -> None:
        """End the writer and the WebSocket; read on meanwhile, for the server's close frame is behind its messages."""
        if self._writer is not None:
            self._writer.cancel()
        if self._websocket is not None:
            reading = asyncio.create_task(_discard(self._websocket))
            await self._websocket.close()
            reading.cancel()


async def _discard(websocket: ClientConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await websocket.recv()


def _detail(body: bytes | bytearray | None) -> str:
    """What the server says about a refusal, if it is short."""
    text = (body or b"").decode(errors="replace").strip()
    return f": {text}" if 0 < len(text) <= 200 and "\n" not in text else ""
