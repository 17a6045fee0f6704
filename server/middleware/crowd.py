"""Everyone who is counted in the drain of one application: its WebSockets and its long responses.

Owns their numbers, when they come in and go out, and how they are told. Refuses to know what they are.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable

from ..connections.asgi import Scope
from ..drain.events import Phase
from ..drain.shutdown import Client, Shutdown
from ..messages.wire import Draining
from .options import Options
from .reading import Busy

logger = logging.getLogger("ebb")

# Seconds that handlers have to clean up once the last client is gone; with all else the exit takes less than 1 s (17).
HANDLERS_END_S = 0.4
# In the query of each connection of Socket.IO, NiceGUI's too: its client takes a text of ours for an error.
ENGINE_IO = b"EIO="

OnDrain = Callable[[Scope, float, float], str | bytes | None]


class Crowd:
    """The clients, and the drain that they are counted in. `on_drain` words what a client is told (`word`)."""

    def __init__(self, options: Options, on_drain: OnDrain | None) -> None:
        self.options = options
        self.busy = Busy()
        self.connections: dict[int, Client] = {}
        self.refused = self.slow_consumers = 0
        self.shutdown = Shutdown(self, options.drain_terms, handlers_end_s=HANDLERS_END_S)
        self._on_drain = on_drain
        self._numbers = itertools.count(1)

    @property
    def serving(self) -> bool:
        """Whether newcomers are admitted."""
        return self.shutdown.phase is Phase.SERVING

    @property
    def evicting(self) -> bool:
        """Whether it is too late to be counted in: clients are being closed, or are gone."""
        return self.shutdown.phase not in (Phase.SERVING, Phase.DRAINING)

    def number(self) -> int:
        """A number that no other client has."""
        return next(self._numbers)

    def join(self, client: Client) -> None:
        """Count a client in."""
        self.connections[client.number] = client
        self.shutdown.joined(client)

    def gone(self, client: Client) -> None:
        """Count a client out, though its handler may go on. Later calls change nothing."""
        self.shutdown.gone(client)

    def forget(self, client: Client) -> None:
        """Count a client out, and forget it: its handler has ended."""
        self.shutdown.gone(client)
        self.connections.pop(client.number, None)

    async def catch_up(self) -> None:
        """Nothing: what an application sends is sent at once."""

    def word(self, scope: Scope, notice: Draining, subprotocol: str | None) -> str | bytes | None:
        """What a client is told of the drain; None: nothing, for its framing may not allow a text of ours."""
        if self._on_drain is None:
            framed = subprotocol is not None or ENGINE_IO in scope.get("query_string", b"")
            return None if framed else notice.model_dump_json()
        try:
            return self._on_drain(scope, notice.deadline_s, notice.reconnect_after_s)
        except Exception as error:
            logger.error("on_drain failed, and the client is told nothing: %r", error)
            return None
