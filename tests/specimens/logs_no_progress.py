"""No progress line is logged during the drain."""

from __future__ import annotations

from server.drain.events import Progress
from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "ctrl_c"
FAILS = {27}

perform = Shutdown._perform


def perform_all_but_progress(self, effect):
    """The fault."""
    if not isinstance(effect, Progress):
        perform(self, effect)


Shutdown._perform = perform_all_but_progress
