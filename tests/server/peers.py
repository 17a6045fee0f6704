"""A client at the other end of an ASGI connection, without sockets: the tests decide what it does and when."""

from __future__ import annotations

import asyncio
import json
import math
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from server.brokers.memory import MemoryBroker
from server.connections.admission import OPEN, Admission, Begin, Check, Endpoint
from server.connections.connection import Connection
from server.connections.terms import Limits
from server.drain.events import DrainTerms
from server.drain.shutdown import Shutdown
from server.endpoints.broadcast import broadcast_handler
from server.hub import Hub
from server.messages.history import History
from server.messages.wire import SUBPROTOCOL, Arrival

LIMITS = Limits(outbox_bytes=2000, inbox_messages=4, message_bytes=100, close_timeout_s=10)


class Peer(asyncio.Protocol):
    """A client and, to the server, the protocol object under its ASGI `send`.

    It reads while `reading` is set, answers a close frame if `answers_close`, and keeps what it received.
    """

    def __init__(self, *, reads: bool = True, answers_close: bool = True) -> None:
        self.reading = asyncio.Event()
        if reads:
            self.reading.set()
        self.answers_close = answers_close
        self.heard: list[str] = []
        self.status: int | None = None
        self.extensions: dict[str, Any] | None = {"websocket.http.response": {}}
        self.aborted = False
        self.close_rcvd: object = None  # as uvicorn's own protocol has it
        self.close_frame: tuple[int, str] | None = None
        self.close_frame_at: float | None = None
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._gone = False

    @property
    def transport(self) -> Any:
        return SimpleNamespace(abort=self._abort)

    @property
    def envelopes(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.heard]

    @property
    def notices(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.heard if text.startswith('{"type":"draining"')]

    def say(self, text: str) -> None:
        self._incoming.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self, code: int = 1000) -> None:
        """Close: the closing handshake is completed, and the TCP connection ends."""
        self.close_rcvd = code
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": code})
        self._end()

    def vanish(self) -> None:
        """End the connection without a close frame."""
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
        self.reading.set()
        self._end()

    async def receive(self) -> dict[str, Any]:
        return await self._incoming.get()

    async def send(self, message: Any) -> None:
        await self.reading.wait()
        if self._gone:
            raise OSError("gone")
        if message["type"] == "websocket.send":
            self.heard.append(message["text"])
        elif message == {"type": "websocket.close"}:
            self.status = 403
        elif message["type"] == "websocket.close":
            self.close_frame = (message["code"], message["reason"])
            self.close_frame_at = asyncio.get_running_loop().time()
            if self.answers_close:
                self.leave(message["code"])
        elif message["type"] == "websocket.http.response.start":
            self.status = message["status"]
        elif message["type"] == "websocket.http.response.body":
            self.vanish()

    def _abort(self) -> None:
        self.aborted = True
        self.vanish()

    def _end(self) -> None:
        if not self._gone:
            self._gone = True
            self.connection_lost(None)


class WSProtocol(Peer):
    """A client to which frames are written directly, as under uvicorn's protocol of this name; `wire`: all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.writable = self.reading
        self.wire = b""
        self.scope: dict[str, Any] = {}

    @property
    def transport(self) -> Any:
        return SimpleNamespace(abort=self._abort, write=self._write, get_write_buffer_size=lambda: 0)

    def _write(self, data: bytes) -> None:
        self.wire += data


class InMemoryServer:
    """A server without sockets: a hub and its shutdown, to which peers connect through the admission, by name."""

    path = "/ws/{client_id}"

    def __init__(
        self,
        terms: DrainTerms | None = None,
        limits: Limits = LIMITS,
        history: int = 1000,
        check: Check | None = None,
        most: float = math.inf,
        broker: Any = None,
        share: float = 0.05,
    ) -> None:
        self.broker = broker or MemoryBroker()
        self.hub = Hub(self.broker, History(history, 64_000_000, share))
        self.shutdown = Shutdown(self.hub, terms or DrainTerms())
        paths = {self.path: Endpoint(self.begin, check=check)}
        self.admission = Admission(self.hub, self.shutdown, limits, paths, self._nowhere, most=most)
        self.shutdown.gone = self._gone  # type: ignore[method-assign]
        self.ended: list[Connection] = []
        self._came = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def begin(self) -> Begin:
        return partial(broadcast_handler, self.hub, OPEN)

    async def connect(self, peer: Peer, name: str | None = None, arrival: Arrival | None = None) -> Connection:
        """Connect, and return the connection. A client with an `arrival` speaks `ebb.v1`."""
        self._came += 1
        before = set(self.hub.connections)
        self.start_connection(peer, name or f"peer{self._came}", arrival)
        await asyncio.sleep(0)
        (number,) = set(self.hub.connections) - before
        return self.hub.connections[number]

    def start_connection(self, peer: Peer, name: str, arrival: Arrival | None = None) -> asyncio.Task[None]:
        """Begin to connect; return the task that serves the client."""
        scope = {
            "type": "websocket",
            "path": self.path.format(client_id=name),
            "query_string": query_of(arrival or Arrival()),
            "subprotocols": [SUBPROTOCOL] if arrival else [],
            "headers": [],
            "extensions": peer.extensions,
        }
        task = asyncio.ensure_future(self.admission(scope, peer.receive, peer.send))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _gone(self, connection: Connection) -> None:
        self.ended.append(connection)
        Shutdown.gone(self.shutdown, connection)

    async def _nowhere(self, scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError(f"{scope['path']} has no handler")


def query_of(arrival: Arrival) -> bytes:
    """An arrival as the query of a handshake."""
    position = [("epoch", arrival.position.epoch), ("seq", arrival.position.seq)] if arrival.position else []
    return urlencode([*position, *(("room", room) for room in arrival.rooms)]).encode()
