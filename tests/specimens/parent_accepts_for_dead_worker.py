"""While a worker is dead, the parent accepts connections in its place and answers none of them."""

from __future__ import annotations

import asyncio
import socket

from server.launcher import main
from server.workers import parent
from server.workers.supervisor import Supervisor

TARGET = "workers"
SCENARIO = "worker_dies"
FAILS = {32}
FOR_S = 2.0

replace, reserve = Supervisor._replace, parent.reserve
reserved = []


def reserve_and_remember(host, port):
    reserved.extend(reserve(host, port))
    return reserved


async def accept_and_answer_nothing(self, *worker):
    """The fault."""
    for each in () if self._orders.stopping else reserved:
        each.listen()
        asyncio.get_running_loop().call_later(FOR_S, each.shutdown, socket.SHUT_RDWR)
    await replace(self, *worker)


parent.reserve, Supervisor._replace = reserve_and_remember, accept_and_answer_nothing

if __name__ == "__main__":
    main()
