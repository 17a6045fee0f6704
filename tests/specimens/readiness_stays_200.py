"""Readiness answers 200 until the exit, so a load balancer goes on sending new clients."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from server.main import app as healthy

SCENARIO = "drain"
FAILS = {1, 6}

app: FastAPI = healthy


@app.middleware("http")
async def always_ready(request, call_next):
    """The fault."""
    if request.url.path == "/ready":
        return JSONResponse({"status": "ready"})
    return await call_next(request)
