"""A broker that stalls for 3 s blocks no client: each publish is refused within a second, no client is disconnected,
and afterwards no message is lost or doubled.

SIGSTOP and SIGCONT: its connections stay open, and it answers nothing on them. Source: issue 5, "Brokers"; the drain
contract, clauses 12 and 33.
"""

from __future__ import annotations

import asyncio

from ..faults.broker import Broker
from .broker_outage import broker_outage

STILL_S, AFTER_S = 3.0, 1.0


async def outage(broker: Broker) -> None:
    """Stop it (SIGSTOP), and let it continue."""
    with broker.frozen():
        await asyncio.sleep(STILL_S)
    await asyncio.sleep(AFTER_S)


SCENARIO = broker_outage("broker_stalls", 180, __doc__, "the broker stands still", outage)
