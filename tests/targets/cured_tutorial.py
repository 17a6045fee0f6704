"""The tutorial's server, unchanged, and one line."""

from __future__ import annotations

from server.middleware.drain_middleware import DrainMiddleware
from tests.specimens.fastapi_tutorial import app

app.add_middleware(DrainMiddleware)
