"""Each fourth connection that ends in the drain is worth a line of the log."""

from __future__ import annotations

import logging

from server.drain.shutdown import Shutdown
from server.drain.uvicorn import running_server
from server.main import app as app

SCENARIO = "ctrl_c"
FAILS = {27}
MISSED_BEFORE = "in the run"

gone = Shutdown.gone
ended = [0]


def gone_with_a_line(self, connection):
    """The fault."""
    gone(self, connection)
    if running_server().should_exit:
        ended[0] += 1
        if ended[0] % 4 == 0:
            logging.getLogger("ebb").info("connection %d has ended", connection.number)


Shutdown.gone = gone_with_a_line
