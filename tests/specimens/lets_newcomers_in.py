"""Newcomers are let in until the deadline; each is told properly, but the drain never gets anywhere."""

from __future__ import annotations

from server.connections.admission import Admission
from server.drain.events import Phase
from server.main import app as app

SCENARIO = "drain"
FAILS = {3, 29}

Admission.serving = property(lambda self: self._shutdown._machine.phase in (Phase.SERVING, Phase.DRAINING))
