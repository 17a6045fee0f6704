"""Three clients get no notice."""

from __future__ import annotations

from server.drain.events import Tell
from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "drain"
FAILS = {5}

perform = Shutdown._perform


def skip_the_first_three(self, effect):
    """The fault."""
    perform(self, Tell(effect.moments[3:], effect.deadline) if isinstance(effect, Tell) else effect)


Shutdown._perform = skip_the_first_three
