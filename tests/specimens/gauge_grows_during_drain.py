"""The gauge of connections left grows during the drain: clients that have left are counted again."""

from __future__ import annotations

from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "ctrl_c"
FAILS = {29}

remaining = Shutdown.remaining


def remaining_and_departed(self):
    """The fault."""
    return remaining.fget(self) + 2 * sum(self._machine.departures.values())


Shutdown.remaining = property(remaining_and_departed)
