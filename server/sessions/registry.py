"""The sessions of one process: which of them are here, and what goes on beside them.

Owns which session is held by which connection, the way of an answer to it, and the cleaning up. The protocol is in
`docs/sessions.md`. Refuses to know what a client says (see `endpoints/session`), brokers, and what answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from ..access.identity import Identity
from ..brokers.broker import Broker, BrokerUnavailable
from ..brokers.left_out import Found
from ..messages.close_codes import CloseCode
from ..messages.sessions import Answer
from .questions import Asking
from .state import States

logger = logging.getLogger("ebb")

STREAM = "llm_responses"
FLUSH_S = 0.5
RETRY_S = 1.0
LONGEST_ID_CHARS = 1000  # in an answer: an operator may allow longer names, and none so long


class Held(Protocol):
    """A session, as far as this process has to do with it while it is connected."""

    id: str
    said_at: float
    unrestored: bool

    @property
    def identity(self) -> Identity:
        """Who holds it."""

    def hear(self, answer: Answer) -> None:
        """An answer has come for it."""

    async def restore(self) -> None:
        """The broker is back: say what is kept of it."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Close its connection."""


class Sessions:
    """The sessions whose clients are connected to this process. Seconds are of the loop's time.

    `ttl_s`: how long a state is kept without its client. `idle_timeout_s`: how long a client may say nothing; 0: for
    ever. `most`: how many there are at once. To be served by `serving`.
    """

    def __init__(self, broker: Broker, ttl_s: float, idle_timeout_s: float = 0, most: int = 20_000) -> None:
        self.broker = broker
        self.states = States(broker.store, ttl_s, broker.left_out)
        self.asking = Asking(broker.store)
        self._idle_timeout_s = idle_timeout_s
        self._most = most
        self._begun: set[Held] = set()  # those whose handshake is under way, too
        self._held: OrderedDict[str, Held] = OrderedDict()  # the one that said something last is last

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Run; at the end, put on their way within half a second what was acknowledged and not asked yet.

        To be entered once the broker has started, and left before it is closed.
        """
        running = asyncio.create_task(self.run())
        running.add_done_callback(_report)
        try:
            yield
        finally:
            running.cancel()
            await asyncio.wait([running])
            with contextlib.suppress(TimeoutError, BrokerUnavailable):
                async with asyncio.timeout(FLUSH_S):
                    await self.asking.flush()
                    await self.states.flush()

    async def run(self) -> None:
        """Ask, hear answers, keep what is held, restore what could not be, and clean up: until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.broker.store.follow(STREAM, self._hear))
            for work in (self.asking.run, self.states.run, self._refresh, self._restore, self._clean_up):
                tasks.create_task(going_on(work))

    # ---- What a session tells ----

    def complaint_about_one_more(self, session_id: str) -> str | None:
        """Say how full this process is, where one more session has no place. One that comes back always has."""
        if len(self._begun) < self._most or session_id in self._held:
            return None
        return f"this process has {len(self._begun)} sessions, limit {self._most}"

    def begin(self, session: Held) -> None:
        """Count a session in until the task that calls this has ended."""
        self._begun.add(session)
        self._when_done(lambda _: self._begun.discard(session))

    def hold(self, session: Held) -> None:
        """Hold a session until the task that calls this has ended; it replaces one with the same id."""
        if (former := self._held.pop(session.id, None)) is not None:
            former.close(CloseCode.POLICY_VIOLATION, "replaced by a newer connection with the same id")
        self._held[session.id] = session
        self._when_done(lambda _: self._let_go(session))

    def holder(self, session_id: str) -> Identity | None:
        """Who holds a session; None: nobody."""
        there = self._held.get(session_id)
        return None if there is None else there.identity

    def spoke(self, session: Held) -> None:
        """A session has said something."""
        if self._held.get(session.id) is session:
            self._held.move_to_end(session.id)

    def __len__(self) -> int:
        return len(self._held)

    @staticmethod
    def _when_done(then: Callable[[object], None]) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        serving.add_done_callback(then)

    def _let_go(self, session: Held) -> None:
        if self._held.get(session.id) is session:
            del self._held[session.id]

    # ---- What goes on beside them ----

    async def _hear(self, entry: Mapping[str, str]) -> None:
        """Take in an answer, whichever process asked: for a session that is here, or that may come here."""
        session_id, response = entry.get("session_id", ""), entry.get("response")
        if not 0 < len(session_id) <= LONGEST_ID_CHARS or response is None:
            self.broker.left_out.add(Found.FOREIGN, f"{STREAM}: entries without session_id or response are ignored")
            return
        self.asking.answered(session_id)
        try:
            await self._deliver(session_id, Answer(response=response, at=datetime.now(UTC)))
        except Exception:
            logger.exception("an answer for session %.40r could not be delivered", session_id)

    async def _deliver(self, session_id: str, answer: Answer) -> None:
        if (session := self._held.get(session_id)) is None:
            self.states.leave(session_id, answer)
        else:
            session.hear(answer)
            await self.states.keep(session_id, answer)

    async def _refresh(self) -> None:
        """Let no state expire while its client is connected, however silent that is."""
        while True:
            await asyncio.sleep(self.states.round_s)
            for session_id in list(self._held):
                if session_id in self._held and self.broker.available:
                    with contextlib.suppress(BrokerUnavailable):
                        await self.states.refresh(session_id)

    async def _restore(self) -> None:
        """Restore the sessions whose clients came while the broker was away."""
        while True:
            await asyncio.sleep(RETRY_S)
            for session in [session for session in self._held.values() if session.unrestored]:
                if self.broker.available:
                    await session.restore()

    async def _clean_up(self) -> None:
        """Close the sessions whose clients have said nothing for too long."""
        clock = asyncio.get_running_loop().time
        while self._idle_timeout_s > 0:
            next_look = clock() + self._idle_timeout_s
            for session in list(self._held.values()):
                if (due := session.said_at + self._idle_timeout_s) > clock():
                    next_look = due
                    break
                self._let_go(session)
                session.close(CloseCode.NORMAL_CLOSURE, "idle")
            await asyncio.sleep(next_look - clock())


async def going_on(work: Callable[[], Awaitable[None]]) -> None:
    """Do it for ever: what one session's data raises must not make all sessions deaf."""
    while True:
        try:
            return await work()
        except Exception:
            logger.exception("what is done for sessions is begun again in %g s", RETRY_S)
            await asyncio.sleep(RETRY_S)


def _report(running: asyncio.Task[None]) -> None:
    if not running.cancelled() and (error := running.exception()) is not None:
        logger.error("sessions hear no answers any more", exc_info=error)
