"""A stop without any failure logs an ERROR line."""

from __future__ import annotations

import logging

from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "nobody_there"
FAILS = {30}

drain = Shutdown.drain


async def drain_and_log_an_error(self):
    """The fault."""
    await drain(self)
    logging.getLogger("ebb").error("the server is going down")


Shutdown.drain = drain_and_log_an_error
