"""Liveness answers 503 while the server drains, so its supervisor kills it with clients still connected."""

from __future__ import annotations

from fastapi.responses import JSONResponse

from server.drain.uvicorn import running_server
from server.main import app

SCENARIO = "drain"
FAILS = {2}


@app.middleware("http")
async def dead_while_draining(request, call_next):
    """The fault."""
    if request.url.path == "/health" and running_server().should_exit:
        return JSONResponse({"status": "down"}, 503)
    return await call_next(request)
