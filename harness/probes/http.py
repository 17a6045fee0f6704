"""One HTTP request on a new connection, and whether a port answers at all.

Owns the result of a request: a status and a body, or a word for the error. h11 implements the protocol. Refuses to know
what the answers should be. Each request uses a new connection, as load balancers do: so it tests the listener as well
as the application, and leaves no idle connection for which a stopping server might wait.
"""

from __future__ import annotations

import asyncio
import string
from typing import NamedTuple
from urllib.parse import quote

import h11

from .network import HOST, name_of

PROBE_TIMEOUT_S = 1.0
ACCEPTS_WITHIN_S = 1.0
LONGEST_REPLY = 65536  # a longer page of metrics is cut, a longer head is not HTTP


class Reply(NamedTuple):
    """The answer to one HTTP request: a status and a body, or an error.

    With a status the error "eof" says that the connection ended before the body did.
    """

    status: int | None
    error: str | None = None
    body: bytes = b""


async def fetch(
    port: int, path: str, *, host: str = HOST, body: bytes | None = None, timeout_s: float = PROBE_TIMEOUT_S
) -> Reply:
    """Make one HTTP request on a new connection: POST if there is a body, else GET.

    Never raises for what the server does; gives up after `timeout_s` with the error "timeout".
    """
    http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_REPLY)
    request = _request(http, f"{host}:{port}", path, body)
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(http, host, port, request)
    except OSError as error:
        return Reply(None, name_of(error))


async def is_up(port: int, ready: str | None) -> tuple[bool, str]:
    """Whether a target serves, and what was seen. A target without a readiness route (4xx) is up when it answers."""
    if ready is not None:
        reply = await fetch(port, ready)
        return reply.status is not None and 200 <= reply.status < 500, f"GET {ready}: {reply.status or reply.error}"
    try:
        async with asyncio.timeout(ACCEPTS_WITHIN_S):
            _, writer = await asyncio.open_connection(HOST, port)
    except OSError as error:
        return False, f"connection {name_of(error)}"
    writer.transport.abort()
    return True, "accepts connections"


def _request(http: h11.Connection, authority: str, path: str, body: bytes | None) -> bytes:
    headers = [("Host", authority), ("Connection", "close")]
    if body is not None:
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    target = quote(path, safe=string.punctuation)
    events: list[h11.Event] = [h11.Request(method="GET" if body is None else "POST", target=target, headers=headers)]
    events += [] if body is None else [h11.Data(data=body)]
    return b"".join(http.send(event) or b"" for event in [*events, h11.EndOfMessage()])


async def _exchange(http: h11.Connection, host: str, port: int, request: bytes) -> Reply:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        return await _read(http, reader)
    finally:
        writer.transport.abort()


async def _read(http: h11.Connection, reader: asyncio.StreamReader) -> Reply:
    """Read the answer; skip any informational ones before it."""
    status, body, ended = None, b"", False
    while len(body) < LONGEST_REPLY:
        try:
            event = http.next_event()
        except h11.RemoteProtocolError:
            return _cut_short(status, body, http.trailing_data[0], ended)
        match event:
            case h11.NEED_DATA:
                received = await reader.read(LONGEST_REPLY)
                ended = not received
                http.receive_data(received)
            case h11.Response():
                status = event.status_code
            case h11.Data():
                body += event.data
            case h11.EndOfMessage():
                break
            case h11.ConnectionClosed():
                return Reply(None, "eof")
    return Reply(status, None, body[:LONGEST_REPLY])


def _cut_short(status: int | None, body: bytes, rest: bytes, ended: bool) -> Reply:
    """The reply when h11 raises an error: the connection ended too soon, or `rest` is not HTTP."""
    if ended and (status is not None or not rest or rest.startswith(b"HTTP/")):
        return Reply(status, "eof", body)
    return Reply(status, "not HTTP", body)
