"""An application in which only what is mounted drains: no lifespan arrives there."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute
from starlette.websockets import WebSocket

from server.middleware.drain_middleware import DrainMiddleware


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


chat = Starlette(routes=[WebSocketRoute("/ws", echo)])
app = Starlette(routes=[Mount("/chat", DrainMiddleware(chat, drain_timeout_s=2))])
