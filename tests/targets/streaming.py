"""The tutorial's server with two long responses: an event stream that never ends, and a download that takes a while."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from tests.specimens.fastapi_tutorial import app

DOWNLOAD = 80


async def tick() -> AsyncIterator[str]:
    for n in itertools.count():
        yield f"event: tick\ndata: {n}\n\n"
        await asyncio.sleep(0.05)


async def tick_by_halves() -> AsyncIterator[str]:
    """Each event in two parts: most of the time it is in the middle of one."""
    for n in itertools.count():
        yield f"event: tick\nid: {n}\ndata: fir"
        await asyncio.sleep(0.08)
        yield f"st\ndata: {n}\n\n"
        await asyncio.sleep(0.02)


async def pages() -> AsyncIterator[bytes]:
    for _ in range(DOWNLOAD):
        yield b"." * 1024
        await asyncio.sleep(0.05)


def with_streams(app: FastAPI) -> FastAPI:
    @app.get("/events")
    async def events() -> StreamingResponse:
        return StreamingResponse(tick(), media_type="text/event-stream")

    @app.get("/halves")
    async def halves() -> StreamingResponse:
        return StreamingResponse(tick_by_halves(), media_type="text/event-stream")

    @app.get("/download")
    async def download() -> StreamingResponse:
        return StreamingResponse(pages(), headers={"Content-Length": str(1024 * DOWNLOAD)})

    return app


app = with_streams(app)
