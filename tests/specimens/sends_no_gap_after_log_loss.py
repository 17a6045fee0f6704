"""The broker has lost its log, and clients get no `gap`."""

from __future__ import annotations

from server.main import app as app

SCENARIO = "broker_restarts_empty"
FAILS = {33}

# The fault: the history begins anew, and no connection gets a `gap`.
app.state.hub.broker._lost = app.state.hub.history.begin_after
