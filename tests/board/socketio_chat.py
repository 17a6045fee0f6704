"""A chat as python-socketio's documentation writes it: an ASGI application, and an event that is emitted to all."""

from __future__ import annotations

import socketio

sio = socketio.AsyncServer(async_mode="asgi")
app = socketio.ASGIApp(sio)


@sio.event
async def message(sid: str, text: str) -> None:
    await sio.emit("message", text)
