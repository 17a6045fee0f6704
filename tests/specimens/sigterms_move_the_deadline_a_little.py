"""Each further SIGTERM moves the deadline by 3 ms, so that a hundred and more come to half a second."""

from __future__ import annotations

from server.drain.machine import Drain
from server.drain.uvicorn import running_server
from server.main import app as app

SCENARIO = "hundred_sigterms"
FAILS = {21}
SUBTLE = "just beyond the bound"
MISSED_BEFORE = "in the run"

due = Drain._due
counted = [1]


def due_a_little_later(self, now):
    """The fault."""
    signals = len(running_server()._captured_signals)
    self.deadline += 0.003 * max(0, signals - counted[0])
    counted[0] = max(counted[0], signals)
    return due(self, now)


Drain._due = due_a_little_later
