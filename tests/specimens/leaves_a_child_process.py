"""A child process of the server outlives it by half a minute."""

from __future__ import annotations

import subprocess
import sys

from server.drain.shutdown import Shutdown
from server.main import app as app

SCENARIO = "nobody_there"
FAILS = {20}

drain = Shutdown.drain


async def start_a_child_and_drain(self):
    """The fault."""
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"], stdout=subprocess.DEVNULL)
    await drain(self)


Shutdown.drain = start_a_child_and_drain
