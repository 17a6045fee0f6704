"""The entry point of an ASGI server: `uvicorn server.main:app`. Reads the settings from the environment."""

from __future__ import annotations

from .app import create_app
from .settings import load

app = create_app(load())
