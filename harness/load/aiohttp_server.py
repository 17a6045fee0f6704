"""aiohttp's WebSocket server, for comparison: `python -m harness.load.aiohttp_server PORT`.

Written as its documentation has it ("WebSockets", "Graceful shutdown"), with the task that all servers of the bench
have: on `/ws` a text goes to all other clients, on `/echo` it comes back. Without compression, as the others here.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

from aiohttp import WSCloseCode, WSMsgType, web

clients: set[web.WebSocketResponse] = set()


async def texts(websocket: web.WebSocketResponse) -> AsyncIterator[str]:
    """Yield what a client says."""
    clients.add(websocket)
    try:
        async for message in websocket:
            if message.type is WSMsgType.TEXT:
                yield message.data
    finally:
        clients.discard(websocket)


async def chat(request: web.Request) -> web.WebSocketResponse:
    """Send each text to all other clients."""
    websocket = web.WebSocketResponse(compress=False)
    await websocket.prepare(request)
    async for text in texts(websocket):
        for client in list(clients):
            if client is not websocket:
                await client.send_str(text)
    return websocket


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Send each text back."""
    websocket = web.WebSocketResponse(compress=False)
    await websocket.prepare(request)
    async for message in websocket:
        if message.type is WSMsgType.TEXT:
            await websocket.send_str(message.data)
    return websocket


async def page(_: web.Request) -> web.Response:
    """Say that it listens."""
    return web.Response(text="ok\n")


async def close_all(_: web.Application) -> None:
    """Close every client, one after another."""
    for websocket in list(clients):
        await websocket.close(code=WSCloseCode.GOING_AWAY, message=b"Server shutdown")


def main() -> None:
    """Serve."""
    app = web.Application()
    app.add_routes([web.get("/ws", chat), web.get("/echo", echo), web.get("/", page)])
    app.on_shutdown.append(close_all)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)


if __name__ == "__main__":
    main()
