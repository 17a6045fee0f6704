"""The TCP connection under one ASGI WebSocket: what ASGI itself does not tell.

A WebSocket of our own (`protocol`) offers all of it by itself: it is `Direct`. For any other, owns everything that is
reached for in uvicorn's protocol object: its transport and socket, the end of the connection, whether the peer has
closed, the close timer, the pings, and cutting it off. Every reach is guarded: on another ASGI server (or in FastAPI's
TestClient) a connection simply ends when its handler does, and cutting it off is to cancel that.

Measured on uvicorn 0.54: the ASGI `send` is a bound method of the protocol object. A client is not gone
when its handler has ended, so code that counts connections waits for `lost`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
import socket
from collections.abc import Callable
from typing import Any, Protocol

from .asgi import Send

PING_EVERY_S = 0.1

# Of uvicorn's protocol classes, those that have written the 101 to the transport when `send(accept)` returns.
_DIRECT = ("WebSocketsSansIOProtocol", "WSProtocol")


# Only what goes wrong: two lines a connection cost 10 % of a handshake, also where a filter drops them. Not below
# uvicorn's own loggers: what it configures later resets the level of those.
_hushed = logging.getLogger("ebb.websocket")
_hushed.setLevel(logging.WARNING)


def send_at_once(transport: Any) -> None:
    """Turn Nagle's algorithm off where no event loop has: on a TCP socket that is taken for one of Unix.

    uvicorn takes every inherited socket (`--fd`) for one. Measured with `systemd-socket-activate`: a frame that follows
    another one was held back for 26 to 43 ms, until the client's kernel had acknowledged that.
    """
    taken_for = transport.get_extra_info("socket") if hasattr(transport, "get_extra_info") else None
    if taken_for is not None and taken_for.family == socket.AF_UNIX:
        with contextlib.suppress(OSError):  # it is one of Unix
            taken_for.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Listener(Protocol):
    """Who is handed each message of a client at once."""

    def take(self, message: str | bytes) -> bool:
        """Take one message, and say whether there is room for another one; if not, `go_on` says so later."""

    def closing(self) -> None:
        """Write the last to the transport, now: the connection is about to write its close frame."""


class Direct:
    """A WebSocket that offers what ASGI does not tell, under its own `send`."""

    __slots__ = ()

    transport: asyncio.Transport
    is_lost: bool
    peer_closed: bool
    would_send: bool
    on_lost: Callable[[], None] | None
    writes_directly = True

    @property
    def lost(self) -> asyncio.Future[None]:
        """Done once the connection has ended."""
        raise NotImplementedError

    @property
    def ping_interval_s(self) -> float | None:
        """How often the client is pinged, in seconds; None for never."""
        raise NotImplementedError

    @property
    def server_closed(self) -> bool:
        """Whether the server has sent its close frame, for a missing pong for one."""
        raise NotImplementedError

    def accept(self, subprotocol: str | None) -> None:
        """Accept the handshake. Raises OSError where the client is gone."""
        raise NotImplementedError

    def listen(self, listener: Listener, max_bytes: int) -> None:
        """Hand each message, of at most `max_bytes`, over to `listener`; nothing is left for ASGI's `receive`."""
        raise NotImplementedError

    def go_on(self) -> None:
        """The listener has room again."""
        raise NotImplementedError

    def forget_handshake(self) -> None:
        """Give back what only the handshake needed."""
        raise NotImplementedError

    async def writable(self) -> None:
        """Return when ASGI's `send` would send at once, or the client is gone."""
        raise NotImplementedError

    def set_close_timeout(self, seconds: float) -> None:
        """Bound the closing handshake that is about to begin."""
        raise NotImplementedError

    def abort(self) -> None:
        """Cut the connection off, whatever its write buffer still holds."""
        raise NotImplementedError


class TcpConnection:
    """One TCP connection, found through its ASGI `send`. It `is_lost` once it has ended, and calls `on_lost` then.

    Made in the task of its handler. `hushed`: uvicorn logs no line for it.
    """

    __slots__ = ("_handler", "_lost", "_protocol", "is_lost", "on_lost", "writes_directly")

    def __init__(self, send: Send, hushed: bool = True) -> None:
        protocol = getattr(send, "__self__", None)
        self._protocol: Any = protocol if isinstance(protocol, asyncio.BaseProtocol) else None
        self._lost: asyncio.Future[None] | None = None
        self._handler: asyncio.Task[None] | None = None
        self.on_lost: Callable[[], None] | None = None
        self.is_lost = self._protocol is None
        # Whether frames may be written to the transport.
        self.writes_directly = type(protocol).__name__ in _DIRECT and hasattr(protocol, "writable")
        if self._protocol is None:
            self._handler = asyncio.current_task()
        else:
            self._protocol.connection_lost = self._connection_lost  # type: ignore[method-assign]
            send_at_once(getattr(self._protocol, "transport", None))
            if hushed:
                self._hush(self._protocol)

    def _connection_lost(self, exc: Exception | None) -> None:
        del self._protocol.connection_lost  # and with it the cycle of references that would keep both alive
        self._protocol.connection_lost(exc)
        self.is_lost = True
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)
        if (then := self.on_lost) is not None:
            self.on_lost = None
            then()

    @property
    def lost(self) -> asyncio.Future[None]:
        """Done once the connection has ended."""
        if self._lost is None:
            self._lost = asyncio.get_running_loop().create_future()
            if self.is_lost:
                self._lost.set_result(None)
        return self._lost

    def _hush(self, protocol: Any) -> None:
        """Keep uvicorn from even making the lines that it logs for each connection."""
        for each in (protocol, getattr(protocol, "conn", protocol)):
            if hasattr(each, "logger"):
                each.logger = _hushed

    @property
    def transport(self) -> asyncio.Transport:
        """The transport, where it `writes_directly`."""
        transport: asyncio.Transport = self._protocol.transport
        return transport

    @property
    def would_send(self) -> bool:
        """Whether ASGI's `send` is known to return at once."""
        return self.writes_directly and bool(self._protocol.writable.is_set())

    async def writable(self) -> None:
        """Return when uvicorn would send: the transport holds less than its high-water mark, or is gone."""
        await self._protocol.writable.wait()

    @property
    def ping_interval_s(self) -> float | None:
        """How often the server pings this client, in seconds; None for never or unknown."""
        config = getattr(self._protocol, "config", None)
        return getattr(config, "ws_ping_interval", None)

    def spread_pings(self) -> None:
        """Ping this client first at a random one of the moments that all clients share, `PING_EVERY_S` apart.

        Clients that connected together would always be pinged in one burst; a moment of its own for each client would
        wake the process each time.
        """
        timer = getattr(self._protocol, "ping_timer", None)
        if timer is not None:
            timer.cancel()
            loop = asyncio.get_running_loop()
            moment = loop.time() + random.random() * self._protocol.ping_interval
            moment = math.ceil(moment / PING_EVERY_S) * PING_EVERY_S
            self._protocol.ping_timer = loop.call_at(moment, self._protocol.send_keepalive_ping)

    def forget_handshake(self) -> None:
        """Give back what only the handshake needed: measured 3.3 of 26 kB a connection."""
        if self.writes_directly:
            self._protocol.request = self._protocol.response = None
            self._protocol.scope["headers"] = []

    @property
    def peer_closed(self) -> bool | None:
        """Whether the peer's close frame has arrived; None where nobody can tell."""
        connection = getattr(self._protocol, "conn", self._protocol)
        if hasattr(connection, "close_rcvd"):  # websockets, both implementations
            return connection.close_rcvd is not None
        state = getattr(connection, "state", None)  # wsproto
        return None if state is None else state.name in ("REMOTE_CLOSING", "CLOSED")

    @property
    def server_closed(self) -> bool:
        """Whether the server has sent its close frame, for a missing pong for one; False where nobody can tell."""
        return bool(getattr(self._protocol, "close_sent", False))

    def set_close_timeout(self, seconds: float) -> None:
        """Bound the closing handshake that is about to begin; uvicorn's own bound is 10 s."""
        if hasattr(self._protocol, "close_timeout"):
            self._protocol.close_timeout = max(0.0, seconds)

    def abort(self) -> None:
        """Cut the connection off, whatever its write buffer still holds."""
        transport = getattr(self._protocol, "transport", None)
        if transport is not None:
            transport.abort()
        if self._handler is not None:
            self._handler.cancel()
            self._handler = None


Tcp = TcpConnection | Direct


def tcp_of(send: Send, hushed: bool = True) -> Tcp:
    """The TCP connection under an ASGI `send`: a connection of our own, or one that is found through it."""
    own = getattr(send, "__self__", None)
    return own if isinstance(own, Direct) else TcpConnection(send, hushed)
