"""Newcomers are let in until the deadline; each is told properly, but the drain never gets anywhere."""

from __future__ import annotations

from server.core.drain_events import Phase
from server.main import app as app
from server.sockets import Sockets

SCENARIO = "drain"
FAILS = {3, 29}

Sockets.welcome = property(lambda self: self._shutdown._machine.phase in (Phase.SERVING, Phase.DRAINING))
