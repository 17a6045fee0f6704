"""A client that resumes gets neither `resumed`, `gap` nor a replay: only `welcome` and what is new."""

from __future__ import annotations

from server.main import app as app
from server.resume import Resume

SCENARIO = "rolling_deploy"
FAILS = {33}


def listen_at_once(self):
    """The fault."""
    self._hub.subscribe(self._connection, self._rooms)
    return True


Resume.at_once = listen_at_once
