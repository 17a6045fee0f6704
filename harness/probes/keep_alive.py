"""HTTP connections that stay open and idle after one answer, like those of load balancers, scrapers and browsers.

Owns how many answered, and records it. Refuses to know when the target may close them: RFC 9112 §9.5 allows it at any
time, so an idle connection is never a reason to wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

import h11

from ..history.record import History
from .network import HOST

ANSWERED_WITHIN_S = 1.0
CHUNK_BYTES = 65536


async def hold_idle(port: int, path: str, count: int, history: History) -> None:
    """Open `count` connections, get `path` once on each, and hold them until cancelled, or the target closes them."""
    opened = await asyncio.gather(*(_open(port, path) for _ in range(count)))
    held = [connection for connection in opened if connection is not None]
    history.record(time.monotonic(), "harness", "idle", answered=len(held), of=count)
    try:
        await asyncio.gather(*(_until_closed(*connection) for connection in held))
        await asyncio.get_running_loop().create_future()
    finally:
        for _, writer in held:
            writer.transport.abort()


async def _until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until the target closes its end, then close ours: a target may wait for that."""
    with contextlib.suppress(OSError):
        while await reader.read(CHUNK_BYTES):
            pass
    writer.transport.abort()


async def _open(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """One connection that has been answered; None if no answer came in time."""
    try:
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            http = h11.Connection(h11.CLIENT)
            request = h11.Request(method="GET", target=path, headers=[("Host", f"{HOST}:{port}")])
            writer.write(b"".join(http.send(event) or b"" for event in (request, h11.EndOfMessage())))
            await _read_answer(http, reader)
    except (OSError, h11.RemoteProtocolError):
        return None
    return reader, writer


async def _read_answer(http: h11.Connection, reader: asyncio.StreamReader) -> None:
    while not isinstance(event := http.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(CHUNK_BYTES))
