"""What goes into the drain, and what comes out of it.

Owns the events that a caller saw and the effects that it must perform; nothing of the rules between them, which are
in `machine`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Phase(StrEnum):
    """Where a server stands between serving and gone."""

    SERVING = "serving"
    DRAINING = "draining"
    EVICTING = "evicting"
    ABORTING = "aborting"
    STOPPED = "stopped"


class Departure(StrEnum):
    """How a connection ended: the client left, our close was completed, or neither."""

    LEFT = "left"
    CLOSED = "closed"
    ABORTED = "aborted"


# ---- The terms of a drain, and its account ----

# Turns of the event loop in which what the kernel holds reaches an inbox: poll and parse, wake the reader, take.
TURNS = 3
# Seconds that a process may take to end once the drain has stopped.
EXIT_S = 1.0


@dataclass(frozen=True, slots=True)
class DrainTerms:
    """What an operator grants. Durations in seconds."""

    drain_timeout_s: float = 1800.0
    grace_s: float = 0.0
    evict_per_s: float = 1000.0
    close_timeout_s: float = 10.0
    reconnect_window_s: float = 30.0
    progress_interval_s: float = 10.0

    @property
    def window_s(self) -> float:
        """The time in which each client's advised moment to reconnect lies: never past half of the drain."""
        return min(self.reconnect_window_s, self.drain_timeout_s / 2)

    def longest_s(self, connections: int) -> float:
        """The time from the signal to the exit that a platform must grant for so many connections (clause 17)."""
        phases_s = max(self.drain_timeout_s, self.grace_s) + connections / self.evict_per_s + self.close_timeout_s
        return phases_s + EXIT_S


@dataclass(frozen=True, slots=True)
class DrainReport:
    """The account of a drain: present + raced_in = left + closed + aborted, once it has stopped."""

    present: int
    raced_in: int
    left: int
    closed: int
    aborted: int
    forced: bool
    phases_s: dict[str, float]


# ---- Events: what the caller saw ----


class Joined(NamedTuple):
    """A connection was admitted. Illegal once evictions have begun: it would get no notice."""

    connection: int


class Gone(NamedTuple):
    """A connection has ended, its TCP connection too."""

    connection: int
    departure: Departure


@dataclass(frozen=True, slots=True)
class StopRequested:
    """A signal, or any other cause. Only the first one counts."""


@dataclass(frozen=True, slots=True)
class ForceRequested:
    """An operator forces the stop. Ignored within a second of the stop: a Ctrl+C may come twice."""


@dataclass(frozen=True, slots=True)
class Ticked:
    """Time went by."""


Event = Joined | Gone | StopRequested | ForceRequested | Ticked

# ---- Effects: what the caller must do, in this order ----


@dataclass(frozen=True, slots=True)
class Notify:
    """Send the notice: `moments` are (connection, seconds from now at which it should reconnect)."""

    moments: tuple[tuple[int, float], ...]
    deadline: float


@dataclass(frozen=True, slots=True)
class Evict:
    """Close with 1012; each closing handshake may last until `until`."""

    connections: tuple[int, ...]
    until: float


@dataclass(frozen=True, slots=True)
class Abort:
    """Cut these off: their closing handshakes had their time."""

    connections: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """Log one line: where the drain stands. `time_left_s` is until the phase ends at the latest."""

    phase: Phase
    remaining: int
    time_left_s: float


Effect = Notify | Evict | Abort | Progress
