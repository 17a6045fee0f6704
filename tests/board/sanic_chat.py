"""A chat on the `/feed` of Sanic's guide, "Websockets": `async for` over what a client says, to all who are there."""

from __future__ import annotations

from sanic import Request, Sanic, Websocket

app = Sanic("chat")
clients: set[Websocket] = set()


@app.websocket("/feed")
async def feed(request: Request, ws: Websocket) -> None:
    clients.add(ws)
    try:
        async for message in ws:
            for client in set(clients):
                await client.send(message)
    finally:
        clients.discard(ws)
