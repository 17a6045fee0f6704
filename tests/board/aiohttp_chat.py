"""A chat as aiohttp's documentation writes it: its WebSocket quickstart, and its "Graceful shutdown" with 1001."""

from __future__ import annotations

import sys
import weakref

from aiohttp import WSCloseCode, WSMsgType, web

websockets = web.AppKey("websockets", weakref.WeakSet)


async def websocket_handler(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    request.app[websockets].add(ws)
    try:
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                for other in set(request.app[websockets]):
                    await other.send_str(message.data)
    finally:
        request.app[websockets].discard(ws)
    return ws


async def on_shutdown(app: web.Application) -> None:
    for websocket in set(app[websockets]):
        await websocket.close(code=WSCloseCode.GOING_AWAY, message=b"Server shutdown")


if __name__ == "__main__":
    app = web.Application()
    app[websockets] = weakref.WeakSet()
    app.add_routes([web.get("/ws", websocket_handler)])
    app.on_shutdown.append(on_shutdown)
    web.run_app(app, port=int(sys.argv[1]))
