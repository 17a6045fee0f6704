"""Somebody else's server: the `websockets` library's own, with paths of its own, stopped the way its manual shows.

python -m tests.targets.websockets_echo PORT [--waits]: with it, it closes nobody and waits until all have left.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from http import HTTPStatus

from websockets.asyncio.server import Request, Response, ServerConnection, serve


def answer_probes(connection: ServerConnection, request: Request) -> Response | None:
    if request.path == "/live":
        return connection.respond(HTTPStatus.OK, "alive\n")
    return None


async def echo(websocket: ServerConnection) -> None:
    async for message in websocket:
        await websocket.send(message)


async def main(port: int, waits: bool) -> None:
    async with serve(echo, "127.0.0.1", port, process_request=answer_probes) as server:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close, not waits)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), "--waits" in sys.argv))
