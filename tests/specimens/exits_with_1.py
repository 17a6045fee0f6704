"""The drain succeeds, but the exit status is 1."""

from __future__ import annotations

import os
import signal

from server.main import app as app

SCENARIO = "nobody_there"
FAILS = {19}

# The fault: uvicorn raises the signal again once it is done.
signal.raise_signal = lambda _: os._exit(1)
