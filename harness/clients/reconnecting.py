"""A client that reconnects: after a notice it moves to another host, after a lost connection it reconnects, and each
time it resumes.

Owns when a client connects, to which host, and which of its connections it leaves. Refuses to know what is said on a
connection (`resumable`), who publishes (`speaker`) and how many clients there are (`reconnecting_crowd`).

Rules. After a notice it stays until its advised moment, then connects to another host, resumes there from its log
position, and leaves the old connection (1000) once the new one is open: until then it receives on both. After a lost
connection it waits with full jitter and exponential backoff, and tries one host after another, in an order of its own.
If a server does not answer a resume in time, the client stays connected: the judge decides whether that was right.
Source: the drain contract, "Terms"; AWS Architecture Blog, "Exponential Backoff And Jitter".
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence

from ..history.record import History
from ..targets.talk import Talk
from .personas import NORMAL_CLOSURE
from .received import Readings
from .resumable import EnvelopeConnection, LogPosition, ResumableConnection
from .resumable_talk import Remembered, TalkingConnection

BACKOFF_BASE_S = 0.1
BACKOFF_CAP_S = 5.0
ARRIVES_WITHIN_S = 5.0
ANSWERED_WITHIN_S = 2.0


class ReconnectingClient:
    """A client called `name`. Its hosts listen on `ports`, which are read again at each attempt.

    `path` may contain `{client}`. `dice` is this client's random generator, for its order of hosts and its jitter. It
    speaks `ebb.v1`, or else the declared `talk`.
    """

    def __init__(
        self,
        name: str,
        history: History,
        ports: Sequence[int],
        readings: Readings,
        dice: random.Random,
        path: str,
        talk: Talk | None = None,
    ) -> None:
        self.name = name
        self.history = history
        self.log_position = LogPosition() if talk is None else Remembered(talk)
        self.current: ResumableConnection | None = None
        self.standing: list[ResumableConnection] = []
        self.attempts = 0
        self.arrivals = 0
        self._ports = ports
        self._path = path.replace("{client}", name)
        self._readings = readings
        self._dice = dice
        self._order = dice.sample(range(len(ports)), len(ports))

    @property
    def connected(self) -> bool:
        """Whether a connection is open on which the server has sent everything that it owes a new connection."""
        return self.current is not None and not self.current.over.is_set()

    async def live(self) -> None:
        """Connect, move and reconnect, until cancelled."""
        notified_by: int | None = None
        failures = 0
        while True:
            former, self.current = self.current, await self._arrive(notified_by, failures)
            self.arrivals += 1
            if former is not None and former.present:
                former.send_close(NORMAL_CLOSURE)
            self.on_arrival()
            moment = await self.current.reconnect_at
            if moment is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, moment - time.monotonic())):
                        await self.current.over.wait()
            was_cut = self.current.over.is_set()
            notified_by, failures = (None, 1) if was_cut else (self.current.host, 0)

    def on_arrival(self) -> None:
        """Called when another connection has become `current`."""

    def on_ack(self, id: str) -> None:
        """Called when a publish was acknowledged, on any connection."""

    def on_error(self) -> None:
        """Called when a publish was not carried out."""

    def keep(self) -> None:
        """Record in the history what its open connections have received: at the end of a run."""
        for connection in self.standing:
            connection.keep()

    def tear_down(self) -> None:
        """Drop every connection that is still open."""
        for connection in self.standing:
            connection.tear_down()

    async def _arrive(self, notified_by: int | None, failures: int) -> ResumableConnection:
        """Try hosts until one accepts the client; while there are others, not the host that sent it a notice."""
        while True:
            if failures:
                await asyncio.sleep(self._dice.uniform(0.0, backoff_s(failures)))
            host = self._next_host(notified_by)
            self.attempts += 1
            connection = self._connection(host)
            self.standing = [other for other in self.standing if not other.over.is_set()]
            self.standing.append(connection)
            if not await connection.connect(self._ports[host], timeout_s=ARRIVES_WITHIN_S):
                self.standing.remove(connection)
            else:
                await asyncio.wait([connection.arrival], timeout=ANSWERED_WITHIN_S)
                if not connection.over.is_set():
                    return connection
            failures += 1

    def _connection(self, host: int) -> ResumableConnection:
        """The next connection: to this host, from the client's position."""
        where = (f"{self.name}/{self.attempts}", self.history, self._path, self.name, host, self._readings)
        position = self.log_position
        connection: ResumableConnection
        if isinstance(position, Remembered):
            connection = TalkingConnection(*where, position)
        else:
            connection = EnvelopeConnection(*where, position)
        connection.owner = self
        return connection

    def _next_host(self, notified_by: int | None) -> int:
        """Round robin, in the client's own order."""
        host = self._order[0]
        if host == notified_by and len(self._order) > 1:
            host = self._order[1]
        self._order.remove(host)
        self._order.append(host)
        return host


def backoff_s(failures: int) -> float:
    """The longest wait before the next attempt, after `failures` failed attempts in a row, 1 or more."""
    return min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** min(failures - 1, 16))
