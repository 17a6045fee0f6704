"""At the deadline one client that reads is cut off, as if it had been hostile."""

from __future__ import annotations

from server.main import app as app
from server.stop import Shutdown

SCENARIO = "hostile"
FAILS = {13, 14}

say_goodbye = Shutdown._say_goodbye
cut = []


async def say_goodbye_but_once(self, connection, until):
    """The fault."""
    if not cut and connection.link.peer_closed is False and not connection.named:
        cut.append(connection)
        connection.abort()
    else:
        await say_goodbye(self, connection, until)


Shutdown._say_goodbye = say_goodbye_but_once
