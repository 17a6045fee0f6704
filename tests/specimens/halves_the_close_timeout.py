"""A client has only half of the close timeout to answer its close frame; who takes longer is cut off."""

from __future__ import annotations

from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "drain"
FAILS = {13}
SUBTLE = "only for one kind of client"
MISSED_BEFORE = "in the run"

evict = Shutdown._evict


async def evict_in_half_the_time(self, chosen, until):
    """The fault."""
    await evict(self, chosen, until - self._machine.terms.close_timeout_s / 2)


Shutdown._evict = evict_in_half_the_time
