"""Readiness turns in time, but a tenth of a second after the clients have their notices."""

from __future__ import annotations

import time

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from server.drain.uvicorn import running_server
from server.main import app as healthy

SCENARIO = "drain"
FAILS = {6}
SUBTLE = "just beyond the bound"

READY_FOR_S = 0.12
asked_at = []
app: FastAPI = healthy


@app.middleware("http")
async def ready_a_little_longer(request, call_next):
    """The fault."""
    if request.url.path == "/ready" and running_server().should_exit:
        asked_at.append(time.monotonic())
        if asked_at[-1] < asked_at[0] + READY_FOR_S:
            return JSONResponse({"status": "ready"})
    return await call_next(request)
