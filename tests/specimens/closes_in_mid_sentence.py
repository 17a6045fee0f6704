"""A client is closed without an answer to what it has said in the last half second."""

from __future__ import annotations

import asyncio

from server.connection import Connection
from server.core.close_codes import CloseCode
from server.main import app as app

SCENARIO = "drain"
FAILS = {10}


async def listen_no_more_and_close(self, until):
    """The fault: what arrives now goes into an inbox from which nobody takes."""
    self._inbox = asyncio.Queue()
    await asyncio.sleep(0.5)
    self._begin_close(CloseCode.SERVICE_RESTART, None, until)


Connection.say_goodbye = listen_no_more_and_close
