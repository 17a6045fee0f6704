"""`connect`: from the arguments of a user to a client that has its first connection.

Owns the defaults, and what a URL means.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

from .client import Client
from .events import Status
from .tokens import Token
from .wire import Gap, Message

DEFAULT_URL = "ws://127.0.0.1:8000"
OPEN_TIMEOUT_S = 10.0


@asynccontextmanager
async def connect(
    *urls: str,
    name: str | None = None,
    rooms: Iterable[str] = (),
    token: Token = None,
    on_message: Callable[[Message], None] | None = None,
    on_gap: Callable[[Gap], None] | None = None,
    on_status: Callable[[Status], None] | None = None,
    open_timeout_s: float = OPEN_TIMEOUT_S,
    **settings: Any,
) -> AsyncIterator[Client]:
    """Connect, and leave at the end of the block.

    `urls`: where the server is, `ws://HOST:PORT` or `wss://...`, with a path if it is not `/ws`; several where there is
    no balancer in front of several hosts. `name`: of this client, unique among all; chosen at random if not given.
    `rooms`: 100 at most. `token`: sent as `Authorization: Bearer`; a function, which may be async, is asked before each
    handshake, and for another one when the server says that it expires.
    `on_message`: called with each message, in place of iterating. `on_gap`: called when messages are lost; they are
    logged in any case. `on_status`: called with what happens to the connection. What a callback raises ends the client.
    `settings`: of websockets' `connect`. Raises CannotConnect when there is no first connection within
    `open_timeout_s`, ValueError for a wrong URL.
    """
    name = name or uuid.uuid4().hex[:12]
    places = [endpoint(url, name) for url in urls or (DEFAULT_URL,)]
    client = Client(places, name, rooms, token, on_message, on_gap, on_status, settings)
    try:
        await client.open(open_timeout_s)
        yield client
    finally:
        await client.close()


def endpoint(url: str, name: str) -> str:
    """The URL of a client of this name. Raises ValueError."""
    parts = urlsplit(url)
    try:
        wrong = parts.scheme not in ("ws", "wss") or not parts.hostname or parts.port == 0
    except ValueError:  # the port is no number
        wrong = True
    if wrong or parts.query or parts.fragment:
        raise ValueError(f"{url!r} is not a URL like {DEFAULT_URL}")
    path = parts.path.rstrip("/") or "/ws"
    return f"{parts.scheme}://{parts.netloc}{path}/{quote(name, safe='')}"
