"""A chat as the documentation of `websockets` writes it: `broadcast`, a health check, and its graceful shutdown."""

from __future__ import annotations

import asyncio
import http
import signal
import sys

from websockets.asyncio.server import Request, Response, ServerConnection, broadcast, serve

CONNECTIONS: set[ServerConnection] = set()


def health_check(connection: ServerConnection, request: Request) -> Response | None:
    if request.path == "/healthz":
        return connection.respond(http.HTTPStatus.OK, "OK\n")
    return None


async def chat(websocket: ServerConnection) -> None:
    CONNECTIONS.add(websocket)
    try:
        async for message in websocket:
            broadcast(CONNECTIONS, message)
    finally:
        CONNECTIONS.remove(websocket)


async def main() -> None:
    async with serve(chat, "", int(sys.argv[1]), process_request=health_check) as server:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, server.close)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
