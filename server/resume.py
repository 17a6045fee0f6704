"""A client of `ebb.v1` comes back, and is brought up to date.

Owns the seam between what is replayed and what is new: nothing is lost there, and nothing comes twice. Everything that
was published lately is in the memory of every process, so the last page of the replay and the subscription happen in
one turn of the event loop. Refuses to know brokers and sockets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from .connections.connection import Connection
from .hub import Hub
from .messages.history import StoredMessage
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
        self._begun = False

    def at_once(self) -> bool:
        """Replay and go live, if that takes one page and no waiting; else it is to `run`, and this says False."""
        return not self._hub.is_behind(self._at) and self._step()

    async def run(self) -> None:
        """Replay what is left, and go live."""
        await self._until_known()
        await self._connection.flushed()
        while not self._step():
            await self._connection.flushed()

    def _step(self) -> bool:
        """Send one page; say whether the client has everything now, and is sent what is new."""
        hub, connection = self._hub, self._connection
        if hub.knows(self._at) and connection.open:
            missed, seq = hub.missed(connection, self._rooms, self._at.seq, PAGE_BYTES)
            here = hub.position()
            is_all = seq == here.seq
            if not self._begun:
                self._begun = True
                self._begin(missed if is_all else hub.missed(connection, self._rooms, self._at.seq)[0])
            for each in missed:
                connection.offer(each.frame())
            self._at = here if is_all else Position(epoch=here.epoch, seq=seq)
            if not is_all:
                return False
        if not hub.knows(self._at):
            gap = Gap(after=self._at.seq, next=hub.position().seq + 1, epoch=hub.position().epoch)
            connection.offer(gap.frame())
        if connection.open:
            hub.subscribe(connection, self._rooms)
        return True

    def _begin(self, missed: Sequence[StoredMessage | Gap]) -> None:
        """Say how much will be replayed, unless something is missing first."""
        if not (missed and isinstance(missed[0], Gap)):
            here, replayed = self._hub.position(), sum(not isinstance(each, Gap) for each in missed)
            self._connection.offer(Resumed(epoch=here.epoch, seq=here.seq, replayed=replayed).frame())

    async def _until_known(self) -> None:
        """Wait until this process has received what the client has received elsewhere."""
        clock = asyncio.get_running_loop().time
        until = clock() + BEHIND_S
        while self._hub.is_behind(self._at) and clock() < until:
            await asyncio.sleep(0.01)
