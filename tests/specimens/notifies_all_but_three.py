"""Three clients get no notice."""

from __future__ import annotations

from server.drain.events import Notify
from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "drain"
FAILS = {5}

perform = Shutdown._perform


def skip_the_first_three(self, effect):
    """The fault."""
    perform(self, Notify(effect.moments[3:], effect.deadline) if isinstance(effect, Notify) else effect)


Shutdown._perform = skip_the_first_three
