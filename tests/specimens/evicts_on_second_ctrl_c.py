"""Ctrl+C pressed twice within a second is taken for an operator's force: every client is closed at once."""

from __future__ import annotations

import server.drain.machine
from server.main import app as app

SCENARIO = "ctrl_c_twice"
FAILS = {12, 22}
SUBTLE = "only the second time"
MISSED_BEFORE = "no such scenario"

server.drain.machine.FORCE_AFTER_S = 0.35  # the fault
