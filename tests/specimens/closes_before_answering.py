"""A client is closed without an answer to what it sent in the last half second before the close frame."""

from __future__ import annotations

import asyncio
import os

# Its close timeout has room for the half second: who answers the close frame late is not cut off.
os.environ["SERVER_CLOSE_TIMEOUT_S"] = str(float(os.environ.get("SERVER_CLOSE_TIMEOUT_S", "3")) + 0.6)

from server.connections.connection import Connection
from server.connections.inbox import Inbox
from server.main import app as app
from server.messages.close_codes import CloseCode

SCENARIO = "drain"
FAILS = {10}
SUBTLE = "only while a message is on its way"

put = Inbox.put
deaf = set()


def put_unless_deaf(self, text):
    """The fault."""
    return self in deaf or put(self, text)


async def ignore_then_close(self, until):
    """Ignore the client for half a second, then send the close frame."""
    deaf.add(self.inbox)
    await asyncio.sleep(0.5)
    self._begin_close(CloseCode.SERVICE_RESTART, None, until)


Connection.quiet = property(lambda self: False)
Inbox.put, Connection.say_goodbye = put_unless_deaf, ignore_then_close
