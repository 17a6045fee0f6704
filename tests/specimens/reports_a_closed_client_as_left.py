"""The final report counts one client that was closed by the server among those that left."""

from __future__ import annotations

import json

from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "ctrl_c"
FAILS = {28}
SUBTLE = "one client in fifty"

report = Shutdown.report


def report_one_more_left(self):
    """The fault."""
    account = json.loads(report(self))
    return json.dumps(account | {"left": account["left"] + 1, "closed": account["closed"] - 1})


Shutdown.report = report_one_more_left
