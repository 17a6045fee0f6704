"""What the launcher's parent decides, without I/O.

Owns when a worker that ended comes back, what a signal means to the whole host, and when to give up. Time is an
argument: `now`, in seconds, monotonic. Refuses to know processes, signals by number, and sockets.

Source: the drain contract, clauses 19 and 21 to 23.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from ..drain.machine import FORCE_AFTER_S

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 5.0
# A worker that was ready for so long has proved itself: its successor comes back at once.
PROVED_AFTER_S = 10.0

# Exit statuses: forced by an operator; could not start (a wrong setting or port; a startup that failed).
FORCED = 130
COULD_NOT_START = (1, 3)


@dataclass(slots=True)
class Backoff:
    """How long one worker's place stays empty, in seconds: longer each time, unless its worker has proved itself."""

    delay_s: float = FIRST_DELAY_S

    def ended(self, ready_at: float | None, now: float) -> float:
        """Take note of an end at `now`, of a worker that was ready since `ready_at`; return how long to wait."""
        if ready_at is not None and now - ready_at >= PROVED_AFTER_S:
            self.delay_s = FIRST_DELAY_S
        delay_s = self.delay_s
        self.delay_s = min(2 * delay_s, LONGEST_DELAY_S)
        return delay_s


class Order(StrEnum):
    """What is asked of the whole host."""

    DRAIN = "drain"
    FORCE = "force"
    ROLL = "roll"


@dataclass(slots=True)
class Orders:
    """Makes orders of signals: the first stop drains, later ones change nothing, save for an operator who insists."""

    stopping_since: float | None = None
    forced: bool = False

    @property
    def stopping(self) -> bool:
        """Whether the host was told to stop."""
        return self.stopping_since is not None

    def terminate(self, now: float) -> Order | None:
        """A supervisor's SIGTERM. None: there is nothing new in it."""
        if self.stopping:
            return None
        self.stopping_since = now
        return Order.DRAIN

    def interrupt(self, now: float) -> Order | None:
        """An operator's SIGINT. Within a second of the first signal it is the same one again (clause 22)."""
        if self.stopping_since is None:
            return self.terminate(now)
        if self.forced or now - self.stopping_since <= FORCE_AFTER_S:
            return None
        self.forced = True
        return Order.FORCE

    def hang_up(self) -> Order | None:
        """A SIGHUP: replace the workers, unless they are to go anyway."""
        return None if self.stopping else Order.ROLL


@dataclass(slots=True)
class FirstStart:
    """Whether the workers can start at all: no, once each of `count` has ended and none was ever ready."""

    count: int
    succeeded: bool = False
    failed: set[int] = field(default_factory=set)

    def ready(self) -> None:
        """One of them is ready."""
        self.succeeded = True

    def ended(self, number: int, status: int) -> int | None:
        """Worker `number` has ended with `status`; return what to exit with, None to go on."""
        self.failed.add(number)
        if self.succeeded or len(self.failed) < self.count:
            return None
        return status if status in COULD_NOT_START else COULD_NOT_START[-1]
