"""A chat that lets in only who says an origin, as browsers do, and talks JSON: for plain text it closes with 1003."""

from __future__ import annotations

import asyncio
import json
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.http11 import Request, Response

clients: set[ServerConnection] = set()


def only_browsers(connection: ServerConnection, request: Request) -> Response | None:
    return None if "Origin" in request.headers else connection.respond(403, "no origin\n")


async def chat(connection: ServerConnection) -> None:
    clients.add(connection)
    try:
        async for text in connection:
            broadcast(clients, json.dumps({"message": json.loads(text)["message"]}))
    except ValueError:
        await connection.close(1003)
    finally:
        clients.discard(connection)


async def main(port: int) -> None:
    async with serve(chat, "127.0.0.1", port, process_request=only_browsers):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
