"""One client in fifty is closed 0.2 s before the deadline, as if for it the grace were a little shorter."""

from __future__ import annotations

import asyncio

from server.drain.events import Notify
from server.drain.shutdown import Shutdown
from server.main import app as app
from server.messages.close_codes import CloseCode

SCENARIO = "drain"
FAILS = {12}
SUBTLE = "one client in fifty"

EARLY_S = 0.2
perform = Shutdown._perform


def perform_and_close_some_early(self, effect):
    """The fault."""

    def close_one_in_fifty():
        for number in list(self._machine.serving)[::50]:
            self._clients.connections[number].close(CloseCode.SERVICE_RESTART)

    perform(self, effect)
    if isinstance(effect, Notify):
        asyncio.get_running_loop().call_later(effect.deadline - EARLY_S - self._now(), close_one_in_fifty)


Shutdown._perform = perform_and_close_some_early
