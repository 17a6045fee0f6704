"""An application as careless as they come, with DrainMiddleware: everybody hears what anybody says, under a lock that
is held while it is sent; some answers take long, some block the event loop, and now and then a handler crashes."""

from __future__ import annotations

import asyncio
import itertools
import random
import time

from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse

from server.middleware.drain_middleware import DrainMiddleware

CRASHES, BLOCKS, TAKES_LONG = 0.005, 0.01, 0.1
BEHAVES = 100  # texts, while it is asked what it does

app = FastAPI()
app.add_middleware(DrainMiddleware)
everybody: list[WebSocket] = []
lock = asyncio.Lock()
texts = itertools.count()


@app.websocket("/ws/{client_id}")
async def chat(websocket: WebSocket, client_id: str) -> None:
    await websocket.accept()
    everybody.append(websocket)
    try:
        while True:
            await answer(await websocket.receive_text())
    except WebSocketDisconnect:
        everybody.remove(websocket)
        await broadcast(f"{client_id} has left")


async def answer(text: str) -> None:
    chance = random.random() if next(texts) > BEHAVES else 1
    if chance < CRASHES:
        raise ZeroDivisionError(text)  # and stays in the list
    if chance < BLOCKS:
        time.sleep(0.02)
    elif chance < TAKES_LONG:
        await asyncio.sleep(random.uniform(0, 0.5))
    await broadcast(text)


async def broadcast(text: str) -> None:
    async with lock:
        for each in everybody:
            await each.send_text(text)


@app.get("/events")
async def events() -> StreamingResponse:
    async def all_of_them():
        while True:
            yield "data: tick"
            await asyncio.sleep(random.uniform(0, 0.2))
            if random.random() < CRASHES:
                raise ZeroDivisionError
            yield "\n\n"

    return StreamingResponse(all_of_them(), media_type="text/event-stream")
