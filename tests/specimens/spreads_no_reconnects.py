"""Every client is advised to reconnect at the same moment, so they all arrive at the other hosts at once."""

from __future__ import annotations

from server.drain.machine import Drain
from server.main import app as app

SCENARIO = "drain"
FAILS = {8}

Drain._moments = lambda self: tuple((connection, self.terms.window_s / 2) for connection in self.serving)
