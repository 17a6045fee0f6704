"""The deadline is counted in time that the process has lived through: what it slept is not counted."""

from __future__ import annotations

from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "frozen_across_the_deadline"
FAILS = {26}

LONGEST_STEP_S = 0.5
feed = Shutdown._feed
fed_at = {}


def feed_in_its_own_time(self, event):
    """The fault."""
    now = self._now()
    slept_s = now - fed_at.get(self, now)
    if slept_s > LONGEST_STEP_S:
        self._machine.deadline += slept_s
    fed_at[self] = now
    feed(self, event)


Shutdown._feed = feed_in_its_own_time
