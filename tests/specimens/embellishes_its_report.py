"""The report counts one who was closed among those who left."""

from __future__ import annotations

import json

from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "ctrl_c"
FAILS = {28}

report = Shutdown.report


def embellished(self):
    """The fault."""
    account = json.loads(report(self))
    return json.dumps(account | {"left": account["left"] + 1, "closed": account["closed"] - 1})


Shutdown.report = embellished
