"""Of the moments at which clients should reconnect one is given to a fifth of them, and the rest are spread evenly."""

from __future__ import annotations

from server.drain.machine import Drain
from server.main import app as app

SCENARIO = "drain"
FAILS = {8}
MISSED_BEFORE = "in the run"

moments = Drain._moments


def a_fifth_at_once(self):
    """The fault."""
    half = self.terms.window_s / 2
    return tuple((connection, half if place % 5 == 0 else at) for place, (connection, at) in enumerate(moments(self)))


Drain._moments = a_fifth_at_once
