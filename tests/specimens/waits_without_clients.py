"""Without any client connected, the server still waits for its deadline."""

from __future__ import annotations

import os

os.environ["SERVER_DRAIN_GRACE_S"] = os.environ.get("SERVER_DRAIN_TIMEOUT_S", "2")

from server.main import app as app

SCENARIO = "nobody_there"
FAILS = {16}
