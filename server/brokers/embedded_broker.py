"""The broker that brings its own server: `embedded://`.

Owns when its server starts, starts again after it died, and ends. One process alone hears it: what it has over memory
is that it keeps its state in the way of the larger ones.
"""

from __future__ import annotations

import asyncio
import logging

from .embedded import EmbeddedFailed, EmbeddedValkey
from .redis import ValkeyBroker

logger = logging.getLogger("ebb")


class EmbeddedBroker(ValkeyBroker):
    """A Valkey broker and its private server."""

    shared = False

    def __init__(self, history: int) -> None:
        self.valkey = EmbeddedValkey()
        super().__init__(self.valkey.url, history)

    async def start(self) -> None:
        """Start the server, and begin to deliver. Raises EmbeddedFailed."""
        try:
            await self._launch()
            await super().start()
        except BaseException:
            self.valkey.stop()
            raise

    async def close(self) -> None:
        """Stop delivering, and end the server."""
        await super().close()
        self.valkey.stop()

    async def away(self, pause_s: float) -> None:
        """Start a server that died again."""
        await super().away(pause_s)
        if not self.valkey.alive:
            try:
                await self._launch()
            except EmbeddedFailed as error:
                logger.error("%s", error)
                await asyncio.sleep(1)

    async def _launch(self) -> None:
        self.valkey.launch()
        while not self.valkey.ready():
            await asyncio.sleep(0.01)
