"""An application with everything around it that others have: readiness and liveness of its own, a lifespan, CORS and
sessions, a mounted application with WebSockets, an event stream and a download; and DrainMiddleware, not outermost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import Response, StreamingResponse
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.sessions import SessionMiddleware

from server.middleware.drain_middleware import DrainMiddleware

PART = b"x" * 1000


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    print("opened", flush=True)
    yield
    print("closed", flush=True)


app = FastAPI(lifespan=lifespan)
app.add_middleware(DrainMiddleware)
app.add_middleware(CORSMiddleware, allow_origins=["http://shop.example"])
app.add_middleware(SessionMiddleware, secret_key="not a secret")
inside = FastAPI()
app.mount("/inside", inside)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"health": "my own"}


@app.get("/count")
async def count(request: Request) -> int:
    request.session["count"] = request.session.get("count", 0) + 1
    return int(request.session["count"])


@app.get("/events")
async def events() -> StreamingResponse:
    async def all_of_them() -> AsyncIterator[bytes]:
        number = 0
        while True:
            yield b"data: %d\n" % number
            await asyncio.sleep(0.05)
            yield b"\n"
            number += 1

    return StreamingResponse(all_of_them(), media_type="text/event-stream")


@app.get("/download/{parts}")
async def download(parts: int) -> StreamingResponse:
    async def all_of_them() -> AsyncIterator[bytes]:
        for _ in range(parts):
            yield PART
            await asyncio.sleep(0.1)

    return StreamingResponse(all_of_them(), headers={"content-length": str(parts * len(PART))})


@app.get("/large/{size}")
async def large(size: int) -> Response:
    return Response(b"x" * size)  # in one piece: its handler has ended long before its reader has it


@app.websocket("/ws")
@inside.websocket("/ws")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)
