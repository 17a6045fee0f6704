"""The tutorial's server with two long responses, unchanged, and one line."""

from __future__ import annotations

from server.middleware.drain_middleware import DrainMiddleware
from tests.targets.streaming import app

app.add_middleware(DrainMiddleware)
