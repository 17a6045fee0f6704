"""A client at the other end of an ASGI connection, without sockets: the tests decide what it does and when."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

from server.brokers.memory import MemoryBroker
from server.connections.connection import Connection
from server.connections.terms import Identity, Limits
from server.connections.transport import Link
from server.drain.events import DrainTerms
from server.drain.shutdown import Shutdown
from server.endpoints.broadcast import broadcast_handler
from server.hub import Hub
from server.messages.wire import Arrival, Form

LIMITS = Limits(outbox_bytes=2000, inbox_messages=4, message_bytes=100, close_timeout_s=10)


class FakeLink(Link):
    """A link whose peer is a `Peer`."""

    __slots__ = ("_peer",)

    def __init__(self, peer: Peer) -> None:
        self._protocol = None
        self._peer = peer
        self.lost = asyncio.get_running_loop().create_future()

    @property
    def peer_closed(self) -> bool:
        return self._peer.closed

    def end(self) -> None:
        if not self.lost.done():
            self.lost.set_result(None)

    def abort(self) -> None:
        self._peer.aborted = True
        self._peer.vanish()


class Peer:
    """A client. It reads while `reading` is set, answers a close frame if it is to, and keeps what it heard."""

    def __init__(self, *, reads: bool = True, answers_close: bool = True) -> None:
        self.reading = asyncio.Event()
        if reads:
            self.reading.set()
        self.answers_close = answers_close
        self.heard: list[str] = []
        self.closed = False
        self.aborted = False
        self.close_frame: tuple[int, str] | None = None
        self.close_frame_at: float | None = None
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.link = FakeLink(self)

    @property
    def envelopes(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.heard]

    @property
    def notices(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.heard if text.startswith('{"type":"draining"')]

    def say(self, text: str) -> None:
        self._incoming.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self, code: int = 1000) -> None:
        """Close, and see the closing handshake and the TCP connection end."""
        self.closed = True
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": code})
        self.link.end()

    def vanish(self) -> None:
        """Be gone without a word."""
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
        self.reading.set()
        self.link.end()

    async def receive(self) -> dict[str, Any]:
        return await self._incoming.get()

    async def send(self, message: Any) -> None:
        await self.reading.wait()
        if self.link.lost.done():
            raise OSError("gone")
        if message["type"] == "websocket.send":
            self.heard.append(message["text"])
        elif message["type"] == "websocket.close":
            self.close_frame = (message["code"], message["reason"])
            self.close_frame_at = asyncio.get_running_loop().time()
            if self.answers_close:
                self.leave(message["code"])


class House:
    """A hub and its shutdown, to which peers connect as clients with a name."""

    def __init__(self, terms: DrainTerms | None = None, limits: Limits = LIMITS, history: int = 1000) -> None:
        self.broker = MemoryBroker()
        self.hub = Hub(self.broker, history)
        self.shutdown = Shutdown(self.hub, terms or DrainTerms())
        self.limits = limits
        self.ended: list[Connection] = []
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    def connect(self, peer: Peer, name: str | None = None, arrival: Arrival | None = None) -> Connection:
        """One who arrives in a certain way speaks `ebb.v1`."""
        number = next(self._numbers)
        who = Identity(number, name or f"peer{number}", True, Form.ENVELOPE if arrival else Form.PLAIN)
        connection = Connection(who, peer.receive, peer.send, peer.link, self.limits, self.hub.broadcaster)
        self.hub.enter(connection)
        self.shutdown.joined(connection)
        task = asyncio.create_task(self._serve(connection, arrival or Arrival()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return connection

    async def _serve(self, connection: Connection, arrival: Arrival) -> None:
        await connection.run(broadcast_handler(self.hub, connection, arrival))
        self.ended.append(connection)
        self.shutdown.gone(connection)
        await connection.finish()
        self.hub.forget(connection)
