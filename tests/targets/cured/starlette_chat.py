"""A chat of Starlette's `WebSocketEndpoint`: what one client says is sent to all, one after the other."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.routing import WebSocketRoute

from server.middleware.drain_middleware import DrainMiddleware


class Chat(WebSocketEndpoint):
    encoding, clients = "text", set()

    async def on_connect(self, websocket):
        await websocket.accept()
        self.clients.add(websocket)

    async def on_receive(self, websocket, data):
        for client in list(self.clients):
            await client.send_text(data)

    async def on_disconnect(self, websocket, close_code):
        self.clients.discard(websocket)


app = Starlette(routes=[WebSocketRoute("/ws", Chat)])
app.add_middleware(DrainMiddleware)
