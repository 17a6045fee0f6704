"""Told to stop, the server sleeps for 0.3 s before its readiness turns: slow of its own accord, on any machine."""

from __future__ import annotations

import time

from uvicorn import Server

from server.main import app as app

SCENARIO = "drain"
FAILS = {1}
SUBTLE = "just beyond the bound"

handle_exit = Server.handle_exit


def sleep_and_handle(self, *signal):
    """The fault."""
    time.sleep(0.3)
    handle_exit(self, *signal)


Server.handle_exit = sleep_and_handle
