"""A broker that comes back empty has lost the log, and every client gets a `gap` that names a new epoch.

No client is disconnected for it. Source: issue 5, "Brokers": an epoch that changed is announced; the drain contract,
clauses 12 and 33.
"""

from __future__ import annotations

import asyncio

from ..faults.broker import Broker
from .broker_outage import broker_outage

AWAY_S, AFTER_S = 0.5, 4.5  # a gap is due within 3 s; the rest is for a machine that is busy


async def outage(broker: Broker) -> None:
    """Kill it, and start it again without its data."""
    await broker.kill()
    await asyncio.sleep(AWAY_S)
    await broker.restart(empty=True)
    await asyncio.sleep(AFTER_S)


SCENARIO = broker_outage("broker_restarts_empty", 190, __doc__, "the broker is replaced by an empty one", outage)
