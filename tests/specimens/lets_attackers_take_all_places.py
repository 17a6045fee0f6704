"""There are 115 places on the server, and attackers take and keep them as anybody does."""

from __future__ import annotations

from server.settings import Settings

SCENARIO = "abuse"
FAILS = []
CLAIMS = {"nobody-honest-dropped"}

Settings.most_connections = property(lambda _: 115)

from server.main import app as app  # noqa: E402
