"""Nobody is told; clients are served to the deadline, and then closed out of the blue."""

from __future__ import annotations

from server.core.drain_events import Tell
from server.main import app as app
from server.stop import Shutdown

SCENARIO = "drain"
FAILS = {5, 6, 8}

perform = Shutdown._perform


def keep_quiet(self, effect):
    """The fault."""
    if not isinstance(effect, Tell):
        perform(self, effect)


Shutdown._perform = keep_quiet
