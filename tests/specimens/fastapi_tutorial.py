"""The WebSocket page of the FastAPI tutorial, which does nothing about stopping: most servers are like this.

A list of sockets, a loop that sends to each, two endpoints. Told to stop, uvicorn closes every socket in the
same tick without a notice. Source: FastAPI's documentation, "WebSockets", section "Handling
disconnections and multiple clients"; it differs only in that `/ws/{client_id}` does not broadcast to the
sender, who has just been answered.
"""

from __future__ import annotations

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

SCENARIO = "drain"
FAILS = {3, 4, 5, 6, 8, 12, 13}  # 12: where it promises a drain timeout
SOMETIMES = {10, 30}  # where the tick comes while it sends to each: the rest of the list hears nothing, and it raises

app = FastAPI()


class ConnectionManager:
    """The tutorial's own name for its list of sockets."""

    def __init__(self) -> None:
        self.active_connections: list[WebSocket] = []

    async def connect(self, websocket: WebSocket) -> None:
        await websocket.accept()
        self.active_connections.append(websocket)

    def disconnect(self, websocket: WebSocket) -> None:
        self.active_connections.remove(websocket)

    async def broadcast(self, message: str, but: WebSocket | None = None) -> None:
        for connection in self.active_connections:
            if connection is not but:
                await connection.send_text(message)


manager = ConnectionManager()


@app.websocket("/ws")
async def chat(websocket: WebSocket) -> None:
    """Everybody hears what anybody says."""
    await manager.connect(websocket)
    try:
        while True:
            await manager.broadcast(await websocket.receive_text())
    except WebSocketDisconnect:
        manager.disconnect(websocket)


@app.websocket("/ws/{client_id}")
async def named_chat(websocket: WebSocket, client_id: str) -> None:
    """The sender is answered, the others hear who said it."""
    await manager.connect(websocket)
    try:
        while True:
            data = await websocket.receive_text()
            await websocket.send_text(f"You said: {data}")
            await manager.broadcast(f"Client {client_id}: {data}", but=websocket)
    except WebSocketDisconnect:
        manager.disconnect(websocket)
        await manager.broadcast(f"Client {client_id} left the chat")
