"""The broker is killed under load and comes back with its data: no client is disconnected for it, and what the
server has acknowledged reaches every client, once and in order.

SIGKILL, and 3 s of nothing; what is published meanwhile is refused within a second. Source: issue 5, "Brokers"; the
drain contract, clauses 12 and 33.
"""

from __future__ import annotations

import asyncio

from ..faults.broker import Broker
from .broker_outage import broker_outage

AWAY_S, AFTER_S = 3.0, 1.0


async def outage(broker: Broker) -> None:
    """Kill it, and start it again with its data."""
    await broker.kill()
    await asyncio.sleep(AWAY_S)
    await broker.restart()
    await asyncio.sleep(AFTER_S)


SCENARIO = broker_outage("broker_dies", 170, __doc__, "the broker is killed", outage)
