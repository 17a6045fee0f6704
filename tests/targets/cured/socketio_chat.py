"""A chat of python-socketio, whose clients are told of the drain in an event of their own, `draining`."""

from __future__ import annotations

import json

import socketio

from server.middleware.drain_middleware import DrainMiddleware

sio = socketio.AsyncServer(async_mode="asgi")


@sio.event
async def message(sid, text):
    await sio.emit("message", text)


def draining(scope, seconds_left, reconnect_after_s):
    return "42" + json.dumps(["draining", {"left_s": seconds_left, "reconnect_after_s": reconnect_after_s}])


app = socketio.ASGIApp(sio)
app = DrainMiddleware(app, on_drain=draining)
