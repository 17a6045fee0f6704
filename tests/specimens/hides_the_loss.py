"""The log is lost, and nobody is told."""

from __future__ import annotations

from server.main import app as app

SCENARIO = "broker_restarts_empty"
FAILS = {33}

# The fault: whoever is told of a loss forgets it.
app.state.hub.broker._lost = app.state.hub.history.begin_after
