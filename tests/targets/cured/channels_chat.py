"""A chat of Django Channels: each client is in a group of the channel layer; the `asgi.py` of a project."""

from __future__ import annotations

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import path

from server.middleware.drain_middleware import DrainMiddleware

layers = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, CHANNEL_LAYERS=layers)
urlpatterns = []


class Chat(AsyncWebsocketConsumer):
    groups = ("chat",)

    async def receive(self, text_data):
        await self.channel_layer.group_send("chat", {"type": "chat.message", "text": text_data})

    async def chat_message(self, event):
        await self.send(event["text"])


rooms = URLRouter([path("ws", Chat.as_asgi())])
app = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": rooms})
app = DrainMiddleware(app)
