"""At the deadline every fifth client is aborted without a close frame, as if it were hostile."""

from __future__ import annotations

from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "hostile"
FAILS = {13, 14}

say_goodbye = Shutdown._say_goodbye
evicted = []


async def say_goodbye_to_most(self, connection, until):
    """The fault: every fifth is aborted, and not all of these can be hostile."""
    evicted.append(connection)
    if len(evicted) % 5 == 0:
        connection.abort()
    else:
        await say_goodbye(self, connection, until)


Shutdown._say_goodbye = say_goodbye_to_most
