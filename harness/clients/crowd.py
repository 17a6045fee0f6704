"""Many clients at once: opened with a bounded number of handshakes in flight, counted, informed of the signal,
torn down.

Owns the clients of a run and their numbers. Refuses to know who they are and what becomes of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from .client import Client
from .objections import explain

IN_FLIGHT = 100
GOING_AWAY = 1001  # RFC 6455, 7.4.1


class CrowdIncomplete(Exception):
    """Some clients are not connected, though the target should serve them. Says what it told them, in three lines."""


class Crowd:
    """The clients of one run."""

    def __init__(self, port: int, clients: Sequence[Client] = ()) -> None:
        self.port = port
        self.clients = list(clients)

    async def open(self, in_flight: int = IN_FLIGHT) -> None:
        """Connect all clients, `in_flight` at a time.

        Raises CrowdIncomplete, with what the target answered, when one cannot connect.
        """
        waiting = iter(self.clients)

        async def open_waiting() -> None:
            for client in waiting:
                await client.connect(self.port)

        await asyncio.gather(*(open_waiting() for _ in range(in_flight)))
        self.must_be_connected()

    def must_be_connected(self) -> None:
        """Raises CrowdIncomplete when a well-behaved client was not let in, or was closed by the target."""
        lost = [client for client in self.clients if client.lost]
        if lost:
            events = lost[0].history.events
            raise CrowdIncomplete(explain(events, {client.name for client in lost}, len(self.clients)))

    async def join(self, client: Client, timeout_s: float) -> None:
        """Let one more client shake hands, whether it is let in or not."""
        self.clients.append(client)
        await client.connect(self.port, timeout_s=timeout_s)

    def signal(self) -> None:
        """Tell all clients that the target has just been signalled."""
        for client in self.clients:
            client.on_signal()
            if client.remarks_s is not None:
                client.after(client.remarks_s, client.say)

    def leave(self) -> None:
        """Let every client that reads leave, unless it has begun to."""
        for client in self.clients:
            if not client.hostile:
                client.leave(GOING_AWAY)

    def look_again(self) -> None:
        """Let every client see how its connection ended, once the target has gone."""
        for client in self.clients:
            if client.arrived and not client.ended:
                client.look_again()

    @property
    def connected(self) -> int:
        """How many connections are open."""
        return sum(client.arrived and not client.ended for client in self.clients)

    @property
    def with_notice(self) -> int:
        """How many clients have a notice."""
        return sum(client.has_notice for client in self.clients)

    @property
    def left(self) -> int:
        """How many connections were open and have ended."""
        return sum(client.opened and client.ended for client in self.clients)

    @property
    def cut(self) -> int:
        """How many connections the server has ended, before the client wanted to leave."""
        return sum(client.opened and client.ended and not client.leaving for client in self.clients)

    def tear_down(self) -> None:
        """Drop every connection that is still open."""
        for client in self.clients:
            if not client.ended:
                client.tear_down()
