"""A healthy server of thirty lines on the `websockets` library: told to stop it says 1001 to everyone, and is gone."""

from __future__ import annotations

import asyncio
import http
import logging
import signal
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response


async def listen(connection: ServerConnection) -> None:
    async for _ in connection:
        pass


def health(connection: ServerConnection, request: Request) -> Response | None:
    return connection.respond(http.HTTPStatus.OK, "ok\n") if request.path == "/health" else None


async def main(port: int) -> None:
    told, loop = asyncio.Event(), asyncio.get_running_loop()
    for which in (signal.SIGTERM, signal.SIGINT):  # signal.signal, since asyncio's handlers go with the loop
        signal.signal(which, lambda *_: loop.is_closed() or loop.call_soon_threadsafe(told.set))
    async with serve(listen, "127.0.0.1", port, process_request=health, close_timeout=2):
        await told.wait()
    for which in (signal.SIGTERM, signal.SIGINT):  # nothing is left to stop; Python lets go of handlers before it ends
        signal.signal(which, signal.SIG_IGN)


if __name__ == "__main__":
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # a handshake that was cut off is no error of ours
    asyncio.run(main(int(sys.argv[1])))
