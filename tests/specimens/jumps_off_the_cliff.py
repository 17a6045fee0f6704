"""At the deadline everyone is closed in the same tick, whatever the pace."""

from __future__ import annotations

from server.drain.machine import Pace
from server.main import app as app

SCENARIO = "drain"
FAILS = {15}

Pace.take = lambda self, wanted, now: wanted
