"""When every client has left, the server waits for its deadline all the same."""

from __future__ import annotations

from server.drain.events import Phase
from server.drain.machine import Drain, Trigger
from server.main import app as app

SCENARIO = "everyone_leaves"
FAILS = {16}
MISSED_BEFORE = "in the run"

due = Drain._due


def due_at_the_deadline(self, now):
    """The fault."""
    trigger = due(self, now)
    return None if trigger is Trigger.EMPTY and self.phase is Phase.DRAINING and now < self.deadline else trigger


Drain._due = due_at_the_deadline
