"""All are told but the first one in the list."""

from __future__ import annotations

from server.core.drain_events import Tell
from server.main import app as app
from server.stop import Shutdown

SCENARIO = "drain"
FAILS = {5}

perform = Shutdown._perform


def skip_the_first(self, effect):
    """The fault."""
    perform(self, Tell(effect.moments[1:], effect.deadline) if isinstance(effect, Tell) else effect)


Shutdown._perform = skip_the_first
