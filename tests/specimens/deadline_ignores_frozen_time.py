"""The deadline does not count the time for which the process was stopped."""

from __future__ import annotations

from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "frozen_across_the_deadline"
FAILS = {26}

LONGEST_STEP_S = 0.5
feed = Shutdown._feed
fed_at = {}


def feed_without_frozen_time(self, event):
    """The fault."""
    now = self._now()
    frozen_s = now - fed_at.get(self, now)
    if frozen_s > LONGEST_STEP_S:
        self._machine.deadline += frozen_s
    fed_at[self] = now
    feed(self, event)


Shutdown._feed = feed_without_frozen_time
