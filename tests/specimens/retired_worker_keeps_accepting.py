"""A retired worker's listener stays open: the kernel accepts connections, and the worker answers none of them."""

from __future__ import annotations

import os

from server.launcher import main
from server.workers.worker_server import WorkerServer

TARGET = "workers"
SCENARIO = "worker_retires"
FAILS = {32}

retire = WorkerServer.retire


def retire_but_keep_a_copy(self):
    """The fault: the kernel accepts for as long as anybody holds the socket."""
    for listener in self.servers:
        for each in listener.sockets:
            os.dup(each.fileno())
    retire(self)


WorkerServer.retire = retire_but_keep_a_copy

if __name__ == "__main__":
    main()
