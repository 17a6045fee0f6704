"""The tutorial's server, unchanged, and one line; `slow` and `hanging` are the same with a startup that takes long."""

from __future__ import annotations

from fastapi import FastAPI

from server.examples.slow_startup import STARTUPS
from server.middleware.drain_middleware import DrainMiddleware
from tests.specimens.fastapi_tutorial import app

slow, hanging = (FastAPI(routes=app.routes, lifespan=STARTUPS[name]) for name in ("slow", "hanging"))

for each in (app, slow, hanging):
    each.add_middleware(DrainMiddleware)
