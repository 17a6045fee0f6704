"""The healthy server whose startup takes long: `slow` gets there in the end, `hanging` never does.

uvicorn tests.targets.slow_startup:slow
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from server.app import create_app
from server.settings import load

STEPS, STEP_S = 30, 0.1


@asynccontextmanager
async def takes_long(app: FastAPI) -> AsyncIterator[None]:
    """Three seconds in small steps, as one that loads what it needs."""
    for _ in range(STEPS):
        await asyncio.sleep(STEP_S)
    yield


@asynccontextmanager
async def hangs(app: FastAPI) -> AsyncIterator[None]:
    """Waits for what never comes, as for a database that is not there."""
    await asyncio.Event().wait()
    yield


slow = create_app(load(), lifespan=takes_long)
hanging = create_app(load(), lifespan=hangs)
