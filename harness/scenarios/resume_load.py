"""A steady load of numbered messages from reconnecting clients, for the scenarios in which connections are cut.

Owns how long the load lasts, and the time for all of it to arrive before the target is told to stop. Refuses to know
the fault.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..clients.reconnecting_crowd import ReconnectingCrowd
from .stage import Stage

CLIENTS = 40
PER_S = 40.0
POST_EVERY_S = 0.05
SETTLES_WITHIN_S = 6.0


@asynccontextmanager
async def resume_load(stage: Stage, clients: int = CLIENTS, per_s: float = PER_S) -> AsyncIterator[ReconnectingCrowd]:
    """Inside, reconnecting clients publish and broadcasts are posted; afterwards those clients are disconnected.

    The posts continue to the end of the run. Raises CrowdIncomplete when a client could not connect.
    """
    reconnecting = ReconnectingCrowd.of(stage.profile, stage.history, [stage.target.port], clients, stage.ask.seed)
    if stage.profile.broadcast is not None:
        stage.probes.post(stage.profile.broadcast, POST_EVERY_S)
    try:
        await reconnecting.open()
        reconnecting.begin_speaking(per_s)
        yield reconnecting
        stage.enter("letting all of it arrive")
        await reconnecting.settle(SETTLES_WITHIN_S)
    finally:
        await reconnecting.close()
