"""Which clients are admitted: the WebSocket endpoints, as raw ASGI.

Owns the decision on a handshake, and the way of a connection in and out. A connection is admitted and registered in
one turn of the event loop, so that none slips in between a stop and its notice; and whatever is raised at whatever
point, nothing of it is left behind. Raw ASGI because a WebSocket that never passes FastAPI's handler costs 12 kB less
and opens 1.3 times as fast (`docs/performance.md`). Refuses to know what is said on a connection.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.routing import Match, WebSocketRoute

from ..access.authorities import Unauthorized
from ..access.gate import Forbidden, Gate
from ..access.identity import Identity
from ..drain.events import Phase
from ..drain.shutdown import Shutdown
from ..hub import Hub
from ..messages.names import complaint_about
from ..messages.wire import SUBPROTOCOL, TEXT_SUBPROTOCOL, Arrival, Form, Malformed, parse_arrival
from .address_limits import NO_LIMITS, AddressLimits
from .asgi import ASGIApp, Receive, Scope, Send
from .connection import Connection
from .refusal import RETRY_AFTER_S, HandshakeRefused, Reason, refuse, shutting_down
from .terms import Caller, Handler, Limits
from .transport import Tcp, tcp_of

Begin = Callable[[Connection, Arrival], Handler]
Permit = Callable[[Identity, str], bool]
Holder = Callable[[str], Identity | None]
Check = Callable[[Scope], Awaitable[None]]

NO_WISHES = Arrival()
# How a name begins that the server gives to a client that has none: who claimed it would replace that client.
GIVEN = "~"
OPEN = Gate()


class Endpoint(NamedTuple):
    """What begins on a path, who may have the name in it, what that is, and who has a name now: it may take it over.

    `check` is awaited last, and may raise HandshakeRefused.
    """

    begin: Begin
    permit: Permit = Identity.may_be_called
    what: str = "client id"
    holder: Holder = lambda _: None
    check: Check | None = None


class Admission:
    """An ASGI app that serves the WebSockets at `paths`; those at any other path are left to `otherwise`.

    In a drain everyone is refused with 503, and so is whoever comes when there are `most` connections; with 429, who
    comes from an address that has as much as it may (`addresses`). Then the `gate` asks who it is (401), and whether it
    may have the name and be in the rooms that it asks for (403). `refused` counts them by reason.
    """

    def __init__(
        self,
        hub: Hub,
        shutdown: Shutdown,
        limits: Limits,
        paths: Mapping[str, Endpoint],
        otherwise: ASGIApp,
        gate: Gate = OPEN,
        most: float = math.inf,
        addresses: AddressLimits = NO_LIMITS,
    ) -> None:
        self._hub = hub
        self._shutdown = shutdown
        self._limits = limits
        self._plain = {path: endpoint for path, endpoint in paths.items() if "{" not in path}
        self._routes = [(WebSocketRoute(path, each.begin), each) for path, each in paths.items()]
        self._otherwise = otherwise
        self._gate = gate
        self._most = most
        self._addresses = addresses
        self._numbers = itertools.count(1)
        self.refused: dict[str, int] = dict.fromkeys(Reason, 0)

    @property
    def serving(self) -> bool:
        """Whether connections are admitted."""
        return self._shutdown.phase is Phase.SERVING

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket until its TCP connection has ended, or refuse it."""
        endpoint = self._find(scope)
        tcp = tcp_of(send)
        try:
            self._refuse_in_a_drain()
            self._refuse_one_too_many()
            address = self._addresses.ask(scope)
            identity = self._gate.let_in(scope) or await self._gate.identify(scope)
            if endpoint is None:
                await self._otherwise(scope, receive, send)
                return
            arrival, name = arrival_of(scope["query_string"]), scope["path_params"].get("client_id")
            if name is not None or arrival.rooms:
                refuse_bad_names(endpoint, name, arrival, self._limits.name_bytes)
                refuse_what_is_forbidden(identity, endpoint, name, arrival)
            if endpoint.check is not None:
                await endpoint.check(scope)
            if endpoint.check is not None or self._gate.guarded:  # meanwhile a drain may have begun, and others come in
                self._refuse_in_a_drain()
                self._refuse_one_too_many()
                self._addresses.check(address)
            refuse_what_another_has(identity, endpoint, name)
        except (HandshakeRefused, Unauthorized, Forbidden) as error:
            refusal = as_refusal(error)
            self.refused[refusal.reason] += 1
            await refuse(scope, tcp, receive, send, refusal)
            return
        connection = self._connection(scope, tcp, receive, send, identity)
        await self._serve(connection, endpoint.begin, arrival, subprotocol_of(scope["subprotocols"]), address)

    async def _serve(
        self, connection: Connection, begin: Begin, arrival: Arrival, subprotocol: str | None, address: str | None
    ) -> None:
        """Register a connection, in the turn in which the phase was looked at; serve it; forget it."""
        self._addresses.enter(address)
        try:
            self._hub.enter(connection)
            self._gate.expiry.watch(connection)
            self._shutdown.joined(connection)
            await connection.run(begin(connection, arrival), subprotocol)
        finally:
            self._gate.expiry.forget(connection)
            self._shutdown.gone(connection)
            try:
                await connection.finish()
            finally:
                self._hub.forget(connection)
                self._addresses.leave(address)

    def _find(self, scope: Scope) -> Endpoint | None:
        """Find what begins on a path, and note in the scope what the path says."""
        if not scope.get("root_path") and (plain := self._plain.get(scope["path"])) is not None:
            scope["path_params"] = {}
            return plain
        for route, endpoint in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return endpoint
        return None

    def _refuse_one_too_many(self) -> None:
        if (there := len(self._hub.connections)) >= self._most:
            detail = f"this process has {there} connections, limit {self._most}"
            raise HandshakeRefused(503, detail, RETRY_AFTER_S, Reason.FULL)

    def _refuse_in_a_drain(self) -> None:
        if not self.serving:
            raise shutting_down()

    def _connection(self, scope: Scope, tcp: Tcp, receive: Receive, send: Send, identity: Identity) -> Connection:
        number = next(self._numbers)
        client_id = scope["path_params"].get("client_id")
        form = Form.ENVELOPE if SUBPROTOCOL in scope["subprotocols"] else Form.PLAIN
        name = client_id or f"{GIVEN}{self._hub.process}-{number}"
        who = Caller(number, name, client_id is not None, form, identity)
        connection = Connection(who, receive, send, tcp, self._limits, self._hub.broadcaster)
        if self._hub.tracing is not None:
            connection.handshake = self._hub.tracing.handshake(scope)
        return connection


def as_refusal(error: HandshakeRefused | Unauthorized | Forbidden) -> HandshakeRefused:
    """Answer whoever is not known with 401, and a page that may not ask with 403."""
    if isinstance(error, HandshakeRefused):
        return error
    status, reason = (401, Reason.UNAUTHORIZED) if isinstance(error, Unauthorized) else (403, Reason.FORBIDDEN)
    return HandshakeRefused(status, str(error), reason=reason)


def subprotocol_of(offered: Sequence[str]) -> str | None:
    """Select one of the subprotocols that a client offers, which may be none of ours."""
    return next((each for each in (SUBPROTOCOL, TEXT_SUBPROTOCOL) if each in offered), None) if offered else None


def refuse_bad_names(endpoint: Endpoint, name: str | None, arrival: Arrival, limit_bytes: int) -> None:
    """Refuse a name or a room that nobody may have. Raises HandshakeRefused."""
    names = [] if name is None else [(endpoint.what, name)]
    for what, each in (*names, *(("room", room) for room in arrival.rooms)):
        if (complaint := complaint_about(what, each, limit_bytes)) is not None:
            raise HandshakeRefused(400, complaint, reason=Reason.MALFORMED)


def refuse_what_is_forbidden(identity: Identity, endpoint: Endpoint, name: str | None, arrival: Arrival) -> None:
    """Refuse a name or a room that somebody may not have. Raises HandshakeRefused."""
    if name is not None and name.startswith(GIVEN):
        raise HandshakeRefused(403, f"names that begin with {GIVEN} are the server's to give")
    if name is not None and not endpoint.permit(identity, name):
        raise HandshakeRefused(403, "this name is not yours", reason=Reason.FORBIDDEN)
    for room in arrival.rooms:
        if not identity.may_join(room):
            raise HandshakeRefused(403, f"the room {room!r} is not open to you", reason=Reason.FORBIDDEN)


def refuse_what_another_has(identity: Identity, endpoint: Endpoint, name: str | None) -> None:
    """Refuse a name that somebody else has here, whoever else may have it. Raises HandshakeRefused."""
    holder = None if name is None else endpoint.holder(name)
    if holder is not None and holder.subject != identity.subject:
        raise HandshakeRefused(403, f"another one has this {endpoint.what}", reason=Reason.FORBIDDEN)


@lru_cache(maxsize=256)
def arrival_of(query: bytes) -> Arrival:
    """Read what a client asks for in its handshake. Raises HandshakeRefused. A herd asks for the same."""
    if not query:
        return NO_WISHES
    try:
        return parse_arrival(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    except Malformed as error:
        raise HandshakeRefused(400, str(error), reason=Reason.MALFORMED) from None
