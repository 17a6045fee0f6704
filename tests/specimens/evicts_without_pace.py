"""At the deadline all clients are closed in the same tick; the pace is ignored."""

from __future__ import annotations

from server.drain.machine import Pace
from server.main import app as app

SCENARIO = "drain"
FAILS = {15}

Pace.take = lambda self, wanted, now: wanted
