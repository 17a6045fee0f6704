"""The WebSocket server of the FastAPI tutorial, for comparison.

A list of sockets, and a loop that sends to each. Source: FastAPI's documentation, "WebSockets", section "Handling
disconnections and multiple clients". It differs in what is sent to whom, so that all servers of the bench have the same
task: on `/ws` a text goes to all other clients, on `/echo` it comes back.
"""

from __future__ import annotations

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
clients: list[WebSocket] = []


@app.websocket("/ws")
async def chat(websocket: WebSocket) -> None:
    """Send each text to all other clients."""
    await websocket.accept()
    clients.append(websocket)
    try:
        while True:
            message = await websocket.receive_text()
            for client in clients:
                if client is not websocket:
                    await client.send_text(message)
    except WebSocketDisconnect:
        clients.remove(websocket)


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    """Send each text back."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass
