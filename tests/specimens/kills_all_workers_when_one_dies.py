"""When one worker dies, the parent kills the other workers too, so all clients lose their connections."""

from __future__ import annotations

import signal

from server.launcher import main
from server.workers.supervisor import Supervisor

TARGET = "workers"
SCENARIO = "worker_dies"
FAILS = {12, 34}

replace = Supervisor._replace
deaths = []


async def kill_the_others(self, worker, *ended):
    """The fault."""
    deaths.append(worker)
    if len(deaths) == 1:
        self._processes._tell(signal.SIGKILL)
    await replace(self, worker, *ended)


Supervisor._replace = kill_the_others

if __name__ == "__main__":
    main()
