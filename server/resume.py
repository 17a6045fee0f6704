"""A client of `ebb.v1` comes back, and is brought up to date.

Owns the seam between what is replayed and what is new: nothing is lost there, and nothing comes twice. Everything that
was published lately is in the memory of every process, so the last page of the replay and the subscription happen in
one turn of the event loop. Refuses to know brokers and sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from .connections.connection import Connection
from .hub import Hub
from .messages.wire import Gap, Position, Resumed

PAGE_BYTES = 65_536
# Seconds that this process is given to receive what the client has received from another one.
BEHIND_S = 1.0


class Resume:
    """One client's return to `position`: `resumed`, the replay at the speed at which it reads, and then live.

    `gap` stands in place of what may be missing: instead of `resumed` where that is what comes first.
    """

    def __init__(self, hub: Hub, connection: Connection, rooms: Collection[str], position: Position) -> None:
        self._hub = hub
        self._connection = connection
        self._rooms = rooms
        self._at = position

    async def run(self) -> None:
        """Replay and go live."""
        hub, connection = self._hub, self._connection
        await self._until_known()
        if hub.knows(self._at):
            missed, _ = hub.missed(connection, self._rooms, self._at.seq)
            if not (missed and isinstance(missed[0], Gap)):
                here, replayed = hub.position(), sum(not isinstance(each, Gap) for each in missed)
                connection.offer(Resumed(epoch=here.epoch, seq=here.seq, replayed=replayed).frame())
            await self._replay()
        if not hub.knows(self._at):
            gap = Gap(after=self._at.seq, next=hub.position().seq + 1, epoch=hub.position().epoch)
            connection.offer(gap.frame())
        if connection.open:
            hub.subscribe(connection, self._rooms)

    async def _replay(self) -> None:
        """Send page after page until nothing is missing, or the log is another one."""
        hub, connection = self._hub, self._connection
        while connection.open and hub.knows(self._at):
            missed, seq = hub.missed(connection, self._rooms, self._at.seq, PAGE_BYTES)
            self._at = Position(epoch=self._at.epoch, seq=seq)
            for each in missed:
                connection.offer(each.frame())
            if self._at == hub.position():
                return
            await connection.flushed()

    async def _until_known(self) -> None:
        """Wait until this process has received what the client has received elsewhere."""
        clock = asyncio.get_running_loop().time
        until = clock() + BEHIND_S
        while self._hub.is_behind(self._at) and clock() < until:
            await asyncio.sleep(0.01)
