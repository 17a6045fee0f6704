"""A second Ctrl+C changes nothing: clients are served until the deadline."""

from __future__ import annotations

import server.drain.uvicorn
from server.drain.uvicorn import take_force

SCENARIO = "operator_forces"
FAILS = {23}
SUBTLE = "only the second time"


def take_and_forget(server):
    """The fault."""
    take_force(server)
    return False


server.drain.uvicorn.take_force = take_and_forget

from server.main import app as app  # noqa: E402  # after the fault is in
