"""A client that resumes gets the last message that it already had a second time."""

from __future__ import annotations

from server.main import app as app
from server.resume import Resume

SCENARIO = "rolling_deploy"
FAILS = {33}

init = Resume.__init__


def begin_one_too_early(self, hub, connection, rooms, position):
    """The fault."""
    init(self, hub, connection, rooms, position.model_copy(update={"seq": max(0, position.seq - 1)}))


Resume.__init__ = begin_one_too_early
