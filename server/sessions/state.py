"""The stored states of sessions: `session:{id}`, read, changed and written back; and `activity:{id}`.

Owns the keys, the time to live, and what becomes of answers for sessions that are not here. Knows no connections.

Every change reads what is stored at that moment, applies itself, and writes; the changes that one process makes to one
session follow each other. Nothing is remembered in between, so a process never writes back what it knew of a client
that has moved on. The limit: the store has no transactions, so of two changes that two processes make to one session
within one round trip the later one wins, with all fields that it read. A client speaks on one connection at a time,
which leaves an answer that comes in the very moment in which its client, just moved, says something elsewhere.

Every process reads every answer. The one that holds the session keeps it at once. Any other looks a second later, and
keeps it where nobody has: so an answer is not lost between two connections, nor with the process that asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from weakref import WeakValueDictionary

from ..brokers.broker import BrokerUnavailable, Store
from ..brokers.left_out import Found, LeftOut
from ..messages.sessions import Answer, State, stored
from .model import PENDING, Change, PendingAnswers, reduce

logger = logging.getLogger("ebb")

# A session whose client is connected is refreshed so often in its time to live, however silent the client is.
ROUNDS = 4


class States:
    """What is kept of all sessions, as one process sees it. Every call raises BrokerUnavailable, unless it says not."""

    def __init__(self, store: Store, ttl_s: float, left_out: LeftOut) -> None:
        self.round_s = ttl_s / ROUNDS
        self._store = store
        self._left_out = left_out
        self._ttl_s = ttl_s
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._pending = PendingAnswers()
        self._some = asyncio.Event()

    async def change(self, session_id: str, change: Change) -> None:
        """Carry out a change. Raises Malformed too: nothing is changed then."""
        async with self._turn(session_id):
            await self._change(session_id, [change])

    async def restore(self, session_id: str) -> State | None:
        """Read what is kept of a session, and keep the answers that wait for it. None: nothing is kept."""
        async with self._turn(session_id):
            answers = self._pending.claim(session_id)
            try:
                return await self._change(session_id, answers)
            except BrokerUnavailable:
                self._leave(session_id, answers)
                raise

    async def refresh(self, session_id: str) -> None:
        """Keep what is kept of a session for a time to live from the next round on. To be called each `round_s`."""
        async with self._turn(session_id):
            if (state := await self._read(session_id)) is not None:
                await self._write(session_id, state, self._ttl_s + self.round_s)

    async def touch(self, session_id: str, at: str) -> None:
        """Note when the client of a session said something."""
        await self._store.set(f"activity:{session_id}", {"at": at}, self._ttl_s)

    async def keep(self, session_id: str, answer: Answer) -> None:
        """Keep an answer, at once or as soon as the broker is back. Raises nothing."""
        try:
            await self.change(session_id, answer)
        except BrokerUnavailable:
            self.leave(session_id, answer)

    def leave(self, session_id: str, answer: Answer) -> None:
        """Keep an answer in a second, unless another process has kept it by then. Raises nothing."""
        self._leave(session_id, [answer])

    async def run(self) -> None:
        """Keep the answers that no process has kept, until cancelled. Raises nothing: a failure is tried again."""
        clock = asyncio.get_running_loop().time
        while True:
            if (following := self._pending.next) is None:
                self._some.clear()
                await self._some.wait()
                continue
            session_id, due = following
            await asyncio.sleep(due - clock())
            with contextlib.suppress(BrokerUnavailable):
                await self.restore(session_id)

    async def flush(self) -> None:
        """Keep at once the answers that wait."""
        while (following := self._pending.next) is not None:
            await self.restore(following[0])

    def _leave(self, session_id: str, answers: Iterable[Answer]) -> None:
        if dropped := self._pending.leave(session_id, answers, asyncio.get_running_loop().time()):
            logger.warning("%d answers wait for the broker: the %d oldest are dropped", PENDING, dropped)
        self._some.set()

    # ---- One session, one change after the other ----

    def _turn(self, session_id: str) -> asyncio.Lock:
        return self._turns.setdefault(session_id, asyncio.Lock())

    async def _change(self, session_id: str, changes: Sequence[Change]) -> State | None:
        before = await self._read(session_id)
        after = before or State()
        for change in changes:
            after = reduce(after, change)
        if changes and after is not before:
            await self._write(session_id, after, self._ttl_s)
        return after if changes else before

    async def _read(self, session_id: str) -> State | None:
        value = await self._store.get(f"session:{session_id}")
        try:
            return None if value is None else stored(value)
        except ValueError:
            self._left_out.add(
                Found.FOREIGN, f"session {session_id:.80}: what is stored is not a state, and counts as nothing"
            )
            return None

    async def _write(self, session_id: str, state: State, ttl_s: float) -> None:
        await self._store.set(f"session:{session_id}", state.model_dump(mode="json"), ttl_s)
