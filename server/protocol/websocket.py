"""One WebSocket as its application sees it: the class that takes the place of uvicorn's own.

Owns the opening handshake (RFC 6455, 4.2), and ASGI: the scope, the events and the errors are those of uvicorn's class
for `websockets`. For one connection there are this object, its parser and the application's task. A message is handed
over in one of two ways: by `receive`, which is ASGI's; or to who has asked to `listen`, in the turn in which it was
read. Refuses to know what becomes of the connection on the wire (`peer`).
"""

from __future__ import annotations

import logging
from asyncio import Future, current_task, wait
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from uvicorn.protocols.utils import ClientDisconnected

from ..connections.transport import Listener
from ..messages.close_codes import CloseCode
from ..messages.frame import encoded
from .frames import BINARY, TEXT
from .handshake import Headers, Upgrade, answer_to, lines, response
from .peer import ABNORMAL, CLOSING, CONNECTING, OPEN, OVER, REFUSING, Peer
from .shared import Shared, client_of, server_of

logger = logging.getLogger("uvicorn.error")

FAILED = b"Internal Server Error"
# What may come when, for who sends something else.
WHEN = {
    CONNECTING: "before 'websocket.accept', 'websocket.close' or 'websocket.http.response.start'",
    REFUSING: "after 'websocket.http.response.start'",
    OPEN: "after 'websocket.accept'",
    CLOSING: "after sending 'websocket.close'",
}


class WebSocket(Peer):
    """One connection. The first data is its handshake, unless `begin` has had it."""

    __slots__ = ("_events", "_key", "_listener", "_refusal", "_waiter", "scope")

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self.scope: dict[str, Any] = {}
        self._key = b""
        self._refusal: tuple[int, Headers, bytes] | None = None
        self._events: list[dict[str, Any]] = [{"type": "websocket.connect"}]
        self._waiter: Future[None] | None = None
        self._listener: Listener | None = None

    # ---- The handshake ----

    def _open(self, data: bytes) -> None:
        """Begin with what uvicorn's HTTP class has read, or refuse it."""
        self._state = CONNECTING
        upgrade = self._shared.handshakes.read(data)
        if isinstance(upgrade, Upgrade):
            self.begin(upgrade)
        elif upgrade is None:
            self._respond(400, [], b"this is no handshake of a WebSocket\n")
        else:
            self._respond(upgrade.status, upgrade.headers, f"{upgrade.detail}\n".encode())

    def begin(self, upgrade: Upgrade) -> None:
        """Start the application with a handshake."""
        shared = self._shared
        config, root_path, transport = shared.config, shared.config.root_path, self.transport
        path = upgrade.target.decode("ascii")
        self._state = CONNECTING
        self._key = upgrade.key
        self.scope = {
            "type": "websocket",
            "asgi": {"version": config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": shared.scheme,
            "server": server_of(transport),
            "client": client_of(transport),
            "root_path": root_path,
            "path": root_path + (unquote(path) if "%" in path else path),
            "raw_path": root_path.encode("ascii") + upgrade.target,
            "query_string": upgrade.query,
            "headers": upgrade.headers,
            "subprotocols": upgrade.subprotocols,
            "state": shared.app_state.copy(),
            "extensions": {"websocket.http.response": {}},
        }
        shared.state.tasks.add(shared.loop.create_task(self._run()))

    async def _run(self) -> None:
        try:
            result = await self._shared.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except BaseException:
            logger.exception("Exception in ASGI application\n")
            self._respond(500, [], FAILED)
        else:
            if self._state is CONNECTING:
                logger.error("ASGI callable returned without completing handshake.")
                self._respond(500, [], FAILED)
            elif result is not None:
                logger.error("ASGI callable should return None, but returned '%s'.", result)
        if self._state not in (CLOSING, OVER):  # else its end is under way
            self._hang_up()
        self._shared.state.tasks.discard(current_task())

    def accept(self, subprotocol: str | None, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Answer with 101. Raises ClientDisconnected, an OSError, where the client is gone."""
        said = [(name.lower(), value) for name, value in headers]
        if subprotocol:
            said.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
        answer = answer_to(self._key, self._shared.default_lines + lines(said))
        if self._state is not CONNECTING or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(answer)
        self._state = OPEN
        self._reads = True
        self._shared.sweep.enter(self)
        if self._parser.midway:  # it has not waited for the answer
            self._shared.loop.call_soon(self.go_on)

    def _respond(self, status: int, headers: Headers, body: bytes) -> None:
        """Refuse the handshake, unless it was answered."""
        if self._state in (CONNECTING, REFUSING):
            self._ended(ABNORMAL)
            self.transport.write(response(status, [*self._shared.state.default_headers, *headers], body))
            self._hang_up()

    def forget_handshake(self) -> None:
        """Give back what only the handshake needed."""
        self._key = b""
        self.scope["headers"] = []

    # ---- ASGI ----

    async def receive(self) -> dict[str, Any]:
        """Return the next event, as ASGI has it."""
        while not self._events:
            if self._waiter is None or self._waiter.done():
                self._waiter = self._shared.loop.create_future()
                await self._waiter
            else:
                await wait([self._waiter])  # somebody else waits, and may be cancelled
        event = self._events.pop(0)
        if not (self._events or self._reads):
            if self._parser.midway or self._paused:  # not before this message is answered, if that can be at once
                self._shared.loop.call_soon(self.go_on)
            else:
                self._reads = self._state is OPEN
        return event

    async def send(self, message: Any) -> None:
        """Send what ASGI has the application send; waits for a client that reads slowly."""
        if not self.would_send:
            await self.writable()
        kind, state = message["type"], self._state
        if state is OVER:
            raise ClientDisconnected
        if state is OPEN and kind == "websocket.send":
            if (data := message.get("bytes")) is not None:
                self.transport.write(encoded(BINARY, data))
            elif (text := message.get("text")) is not None:
                self.transport.write(encoded(TEXT, text.encode()))
        elif state is OPEN and kind == "websocket.close":
            self._close(message.get("code", 1000), message.get("reason") or "")
        elif state is CONNECTING and kind == "websocket.accept":
            self.accept(message.get("subprotocol"), message.get("headers", ()))
        elif state is CONNECTING and kind == "websocket.close":
            self._respond(403, [], b"")
        elif state is CONNECTING and kind == "websocket.http.response.start":
            self._refusal = (message["status"], list(message.get("headers", ())), b"")
            self._state = REFUSING
        elif state is REFUSING and kind == "websocket.http.response.body":
            assert self._refusal is not None
            status, headers, body = self._refusal
            self._refusal = (status, headers, body + message.get("body", b""))
            if not message.get("more_body", False):
                self._respond(*self._refusal)
        else:
            raise RuntimeError(f"Unexpected ASGI message '{kind}', {WHEN[state]}.")

    def _put(self, event: dict[str, Any]) -> None:
        self._events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # ---- What the peer says ----

    def listen(self, listener: Listener, max_bytes: int) -> None:
        """Hand each message over to `listener`, at once; nothing is left for `receive`."""
        self._listener = listener
        self._events = []
        self._parser.max_bytes = max_bytes

    def _take(self, message: str | bytes) -> bool:
        if self._listener is not None:
            return self._listener.take(message)
        self._put({"type": "websocket.receive", "text" if isinstance(message, str) else "bytes": message})
        return False

    def _ending(self) -> None:
        if self._listener is not None:
            self._listener.closing()

    def _ended(self, code: int, reason: str | None = None) -> None:
        if self.is_lost:
            self._listener = None
        said = {} if reason is None else {"reason": reason}
        self._put({"type": "websocket.disconnect", "code": code, **said})

    def shutdown(self) -> None:
        """End the connection, as uvicorn has it at its end."""
        if self._state is OPEN:
            self._end(CloseCode.SERVICE_RESTART, "")
        self._respond(500, [], FAILED)
        self._hang_up()
