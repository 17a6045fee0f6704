"""A raw ASGI application that holds its server's stop by the signal, until a client says "enough": then all are closed.

Before that it echoes. On daphne, which knows no lifespan, it takes hold with the first connection.
"""

from __future__ import annotations

import asyncio
from typing import Any

from server.drain.signals import SignalHold, stops_by_signal


class Application:
    def __init__(self) -> None:
        self.clients: set[Any] = set()
        self.enough = asyncio.Event()
        self.hold: SignalHold | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.hold is None:
            print("held" if stops_by_signal() else "cannot be held", flush=True)
            self.hold = SignalHold(self.drain, lambda: print("report", flush=True))
        if scope["type"] == "lifespan":
            await self.live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await (self.refuse if self.hold.told_to_stop() else self.serve)(scope, receive, send)

    async def live(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("lifespan shutdown", flush=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def refuse(self, scope: Any, receive: Any, send: Any) -> None:
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.http.response.start", "status": 503, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})

    async def serve(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        self.clients.add(send)
        while (event := await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.send", "text": event["text"]})
            if event["text"] == "enough":
                self.enough.set()
        self.clients.discard(send)

    async def drain(self) -> None:
        print("drain", flush=True)
        await self.enough.wait()
        for send in list(self.clients):
            try:
                await send({"type": "websocket.close", "code": 1012})
            except Exception as error:  # daphne knows no 1012
                print(error, flush=True)
                await send({"type": "websocket.close", "code": 1000})
        while self.clients:
            await asyncio.sleep(0.01)


app = Application()
