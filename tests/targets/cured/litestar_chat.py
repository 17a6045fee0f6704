"""The chat of Litestar's documentation, "Channels": each client is a subscriber, and says what it says to all."""

from __future__ import annotations

from contextlib import asynccontextmanager

from litestar import Litestar, WebSocket
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.memory import MemoryChannelsBackend
from litestar.handlers import websocket_listener

from server.middleware.drain_middleware import DrainMiddleware


@asynccontextmanager
async def subscribed(socket: WebSocket, channels: ChannelsPlugin):
    async with channels.start_subscription("chat") as subscriber, subscriber.run_in_background(socket.send_text):
        yield


@websocket_listener("/ws", connection_lifespan=subscribed)
async def chat(data: str, channels: ChannelsPlugin) -> None:
    await channels.wait_published(data, "chat")


app = Litestar([chat], plugins=[ChannelsPlugin(MemoryChannelsBackend(), channels=["chat"])])
app = DrainMiddleware(app)
