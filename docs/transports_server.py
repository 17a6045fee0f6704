"""One small server for each of four transports, as small as each allows: `python -m docs.transports` measures it.

Refuses to know Ebb, so that the four can be compared with nothing in the way.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

TEXT_BYTES = 64
LONG_POLL_S, HEARTBEAT_S = 30.0, 15.0

said: list[str] = []
news = asyncio.Condition()


async def after(number: int, wait_s: float | None = None) -> list[str]:
    """What was said after the first `number` texts, at once or as soon as there is something, or after `wait_s`."""
    async with news:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await news.wait_for(lambda: len(said) > number)
    return said[number:]


async def by_websocket(websocket: WebSocket) -> None:
    """Push each text as a message."""
    await websocket.accept()
    number = 0
    while True:
        for text in await after(number):
            await websocket.send_text(text)
            number += 1


async def events(number: int) -> AsyncIterator[str]:
    """Each text as an event, with its number, and a comment where there is none."""
    while True:
        texts = await after(number, HEARTBEAT_S)
        for text in texts:
            number += 1
            yield f"id: {number}\ndata: {text}\n\n"
        if not texts:
            yield ":\n\n"


async def by_event_stream(_: Request) -> StreamingResponse:
    """Push each text as an event."""
    return StreamingResponse(events(0), media_type="text/event-stream")


async def by_polling(request: Request) -> JSONResponse:
    """Answer with what is new, at once or when there is something."""
    query = request.query_params
    number = int(query["after"])
    texts = await after(number, LONG_POLL_S) if query["wait"] == "1" else said[number:]
    return JSONResponse({"after": number + len(texts), "texts": texts})


async def say(_: Request) -> JSONResponse:
    """Say one text to everybody."""
    async with news:
        said.append(f"@{time.monotonic():.6f} ".ljust(TEXT_BYTES, "."))
        news.notify_all()
    return JSONResponse({})


app = Starlette(
    routes=[
        WebSocketRoute("/ws", by_websocket),
        Route("/events", by_event_stream),
        Route("/poll", by_polling),
        Route("/say", say, methods=["POST"]),
    ]
)
