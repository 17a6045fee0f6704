"""The healthy server whose startup takes long: `slow` gets there in the end, `hanging` never does.

Owns two startups, for judging what a signal does in the middle of them: as `uvicorn server.examples.slow_startup:slow`,
or under the launcher as `python -m server.examples.slow_startup slow OPTIONS`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from fastapi import FastAPI

from .. import app, launcher
from ..settings import load

STEPS, STEP_S = 30, 0.1


@asynccontextmanager
async def takes_long(_: FastAPI) -> AsyncIterator[None]:
    """Three seconds in small steps, as one that loads what it needs."""
    for _step in range(STEPS):
        await asyncio.sleep(STEP_S)
    yield


@asynccontextmanager
async def hangs(_: FastAPI) -> AsyncIterator[None]:
    """Waits for what never comes, as for a database that is not there."""
    await asyncio.Event().wait()
    yield


STARTUPS = {"slow": takes_long, "hanging": hangs}


def __getattr__(name: str) -> FastAPI:
    """Make the application that uvicorn asks for."""
    if name not in STARTUPS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return app.create_app(load(), lifespan=STARTUPS[name])


if __name__ == "__main__":
    app.create_app = partial(app.create_app, lifespan=STARTUPS[sys.argv.pop(1)])  # where the launcher looks
    launcher.main()
