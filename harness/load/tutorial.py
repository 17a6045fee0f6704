"""The WebSocket server of the FastAPI tutorial, as something to be compared with.

A list of sockets, and a loop that sends to each. Source: FastAPI's documentation, "WebSockets", section "Handling
disconnections and multiple clients"; it differs in what is said to whom, so that all servers under the bench are asked
the same: on `/ws` a text goes to all others, on `/echo` it comes back.
"""

from __future__ import annotations

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
clients: list[WebSocket] = []


@app.websocket("/ws")
async def chat(websocket: WebSocket) -> None:
    """Everybody else hears what anybody says."""
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
    """Whoever speaks hears it."""
    await websocket.accept()
    try:
        while True:
            await websocket.send_text(await websocket.receive_text())
    except WebSocketDisconnect:
        pass
