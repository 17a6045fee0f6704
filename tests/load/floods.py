"""A server that says a hundred more texts behind each echo: a user that leaves has not read them all."""

from __future__ import annotations

from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.websocket("/ws/{client}")
async def flood(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(f"You said: {text}")
        for number in range(100):
            await websocket.send_text(f"more: {number}")
