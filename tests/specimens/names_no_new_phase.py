"""The lines of progress come as often as they should, and none is about the eviction: they go on naming the drain."""

from __future__ import annotations

from dataclasses import replace

from server.drain.events import Phase, Progress
from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "ctrl_c"
FAILS = {27}
MISSED_BEFORE = "in the run"

perform = Shutdown._perform


def perform_with_one_phase(self, effect):
    """The fault."""
    perform(self, replace(effect, phase=Phase.DRAINING) if isinstance(effect, Progress) else effect)


Shutdown._perform = perform_with_one_phase
