"""A second Ctrl+C counts only before the deadline: while clients are evicted, the pace stays as it is."""

from __future__ import annotations

from server.drain.events import Phase
from server.drain.machine import Drain
from server.main import app as app

SCENARIO = "forced_while_evicting"
FAILS = {23}
SUBTLE = "only while clients are evicted"
MISSED_BEFORE = "no such scenario"

may_force = Drain._may_force


def may_force_before_the_deadline(self, now):
    """The fault."""
    return self.phase is Phase.DRAINING and may_force(self, now)


Drain._may_force = may_force_before_the_deadline
