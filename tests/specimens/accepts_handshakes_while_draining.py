"""New clients are accepted until the deadline; each is notified, but the number of connections grows."""

from __future__ import annotations

from server.connections.admission import Admission
from server.drain.events import Phase
from server.main import app as app

SCENARIO = "drain"
FAILS = {3, 29}

Admission.serving = property(lambda self: self._shutdown._machine.phase in (Phase.SERVING, Phase.DRAINING))
