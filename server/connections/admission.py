"""Which clients are admitted: the WebSocket endpoints, as raw ASGI.

Owns the decision on a handshake, and the way of a connection in and out. A connection is admitted and registered in
one turn of the event loop, so that none slips in between a stop and its notice; and whatever is raised at whatever
point, nothing of it is left behind. Raw ASGI because a WebSocket that never passes FastAPI's handler costs 12 kB less
and opens 1.3 times as fast (`docs/performance.md`). Refuses to know what is said on a connection.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl

from starlette.routing import Match, WebSocketRoute

from ..drain.events import Phase
from ..drain.shutdown import Shutdown
from ..hub import Hub
from ..messages.wire import SUBPROTOCOL, Arrival, Form, Malformed, parse_arrival
from .asgi import ASGIApp, Receive, Scope, Send
from .connection import Connection, Handler, Identity, Limits
from .refusal import HandshakeRefused, Reason, refuse, shutting_down
from .transport import Tcp, tcp_of

Begin = Callable[[Connection, Arrival], Handler]
Check = Callable[[Scope], Awaitable[None]]

NO_WISHES = Arrival()
# How a name begins that the server gives to a client that has none: who claimed it would replace that client.
GIVEN = "~"


class Admission:
    """An ASGI app that serves the WebSockets at `paths`; those at any other path are left to `otherwise`.

    `check` is awaited for each handshake, and may raise HandshakeRefused. In a drain everyone is refused with 503.
    `refused` counts them by reason.
    """

    def __init__(
        self,
        hub: Hub,
        shutdown: Shutdown,
        limits: Limits,
        paths: Mapping[str, Begin],
        otherwise: ASGIApp,
        check: Check | None = None,
    ) -> None:
        self._hub = hub
        self._shutdown = shutdown
        self._limits = limits
        self._plain = {path: begin for path, begin in paths.items() if "{" not in path}
        self._routes = [(WebSocketRoute(path, begin), begin) for path, begin in paths.items()]
        self._otherwise = otherwise
        self._check = check
        self._numbers = itertools.count(1)
        self.refused: dict[str, int] = dict.fromkeys(Reason, 0)

    @property
    def serving(self) -> bool:
        """Whether connections are admitted."""
        return self._shutdown.phase is Phase.SERVING

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until its TCP connection has ended, or refuse it."""
        begin = self._find(scope)
        if begin is None and self.serving:
            await self._otherwise(scope, receive, send)
            return
        tcp = tcp_of(send)
        try:
            self._refuse_in_a_drain()
            assert begin is not None
            refuse_given_names(scope)
            arrival = arrival_of(scope["query_string"])
            if self._check is not None:
                await self._check(scope)
                self._refuse_in_a_drain()  # it may have begun meanwhile
        except HandshakeRefused as refusal:
            self.refused[refusal.reason] += 1
            await refuse(scope, tcp, receive, send, refusal)
            return
        connection = self._connection(scope, tcp, receive, send)
        await self._serve(connection, begin, arrival)

    async def _serve(self, connection: Connection, begin: Begin, arrival: Arrival) -> None:
        """Register a connection, in the turn in which the phase was looked at; serve it; forget it."""
        try:
            self._hub.enter(connection)
            self._shutdown.joined(connection)
            subprotocol = SUBPROTOCOL if connection.form is Form.ENVELOPE else None
            await connection.run(begin(connection, arrival), subprotocol)
        finally:
            self._shutdown.gone(connection)
            try:
                await connection.finish()
            finally:
                self._hub.forget(connection)

    def _find(self, scope: Scope) -> Begin | None:
        """Find the handler of a path, and note in the scope what the path says."""
        if not scope.get("root_path") and (plain := self._plain.get(scope["path"])) is not None:
            scope["path_params"] = {}
            return plain
        for route, begin in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return begin
        return None

    def _refuse_in_a_drain(self) -> None:
        if not self.serving:
            raise shutting_down()

    def _connection(self, scope: Scope, tcp: Tcp, receive: Receive, send: Send) -> Connection:
        number = next(self._numbers)
        client_id = scope["path_params"].get("client_id")
        form = Form.ENVELOPE if SUBPROTOCOL in scope["subprotocols"] else Form.PLAIN
        who = Identity(number, client_id or f"{GIVEN}{self._hub.process}-{number}", client_id is not None, form)
        connection = Connection(who, receive, send, tcp, self._limits, self._hub.broadcaster)
        if self._hub.tracing is not None:
            connection.handshake = self._hub.tracing.handshake(scope)
        return connection


def refuse_given_names(scope: Scope) -> None:
    """Let nobody have a name that the server gives. Raises HandshakeRefused."""
    if scope["path_params"].get("client_id", "").startswith(GIVEN):
        raise HandshakeRefused(403, f"names that begin with {GIVEN} are the server's to give")


def arrival_of(query: bytes) -> Arrival:
    """Read what a client asks for in its handshake. Raises HandshakeRefused."""
    if not query:
        return NO_WISHES
    try:
        return parse_arrival(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    except Malformed as error:
        raise HandshakeRefused(400, str(error), reason=Reason.MALFORMED) from None
