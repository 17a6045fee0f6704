"""Nothing is said about how far the drain has got."""

from __future__ import annotations

from server.drain.events import Progress
from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "ctrl_c"
FAILS = {27}

perform = Shutdown._perform


def perform_in_silence(self, effect):
    """The fault."""
    if not isinstance(effect, Progress):
        perform(self, effect)


Shutdown._perform = perform_in_silence
