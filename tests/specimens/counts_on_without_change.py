"""The lines of progress say to the end how many connections there were when the drain began."""

from __future__ import annotations

from dataclasses import replace

from server.drain.events import Progress
from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "ctrl_c"
FAILS = {27}
MISSED_BEFORE = "in the run"

perform = Shutdown._perform
first = []


def perform_with_the_first_number(self, effect):
    """The fault."""
    if isinstance(effect, Progress):
        first.append(effect.remaining)
        effect = replace(effect, remaining=first[0])
    perform(self, effect)


Shutdown._perform = perform_with_the_first_number
