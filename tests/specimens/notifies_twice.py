"""Every client gets the notice twice."""

from __future__ import annotations

from server.drain.events import Notify
from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "drain"
FAILS = {5}

perform = Shutdown._perform


def repeat(self, effect):
    """The fault."""
    perform(self, effect)
    if isinstance(effect, Notify):
        perform(self, effect)


Shutdown._perform = repeat
