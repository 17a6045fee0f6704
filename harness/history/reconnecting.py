"""What one reconnecting client received, connection by connection.

Owns `ConnectionView` (one connection), `ReconnectingClientView` (one client with all of them) and `Gap`. Refuses to
know who said what (`harness.history.resume_run`), limits and verdicts. Pure.

Rules. A message is identified by its sender (an index) and its number `n`. Its position in the log is an epoch and a
number `seq`. The epoch of a connection is the one that the client resumed with, or else the one in its `welcome`; a
`gap` may name another.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from .events import Event

Numbered = tuple[int, int]  # the index of a sender, and n


class Gap(NamedTuple):
    """Messages that were lost: those after `after` in the `former` epoch, and those before `next` in `epoch`."""

    former: str
    after: int
    epoch: str
    next: int

    def covers(self, epoch: str, seq: int) -> bool:
        """Whether the message at this position is one of those lost."""
        if self.former == self.epoch:
            return epoch == self.epoch and self.after < seq < self.next
        return (epoch == self.former and seq > self.after) or (epoch == self.epoch and seq < self.next)


@dataclass(eq=False)
class ConnectionView:
    """One connection of a client. `position` is the position from which it resumed; None: it did not resume.

    `answers`: its protocol answers a resume, and acknowledges publishes. `at`, `seq`, `sender` and `n` are the columns
    of the messages that it received, in order of arrival.
    """

    name: str
    client: str
    host: int
    began: float
    position: tuple[str, int] | None
    answers: bool = True
    opened_at: float | None = None
    ended_at: float | None = None
    marks: list[Event] = field(default_factory=list)
    at: Sequence[float] = ()
    seq: Sequence[int] = ()
    sender: Sequence[int] = ()
    n: Sequence[int] = ()

    @property
    def welcomed_at(self) -> float | None:
        """When it was welcomed."""
        return next((mark.t for mark in self.marks if mark.what == "welcome"), None)

    @property
    def answer(self) -> Event | None:
        """The first answer to its resume: `resumed` or `gap`."""
        return next((mark for mark in self.marks if mark.what != "welcome"), None)

    @property
    def gaps(self) -> list[Gap]:
        """The gaps that the server announced to it."""
        return [gap for _, _, gap in self.stretches if gap is not None]

    @cached_property
    def stretches(self) -> list[tuple[int, str, Gap | None]]:
        """The index of the arrival from which each epoch counts, that epoch, and the gap announced there."""
        epoch = "" if self.position is None else self.position[0]
        found: list[tuple[int, str, Gap | None]] = [(0, epoch, None)]
        for mark in self.marks:
            detail = mark.detail
            if mark.what == "gap":
                gap = Gap(epoch, detail["after"], detail["epoch"], detail["next"])
                epoch = gap.epoch
                found.append((detail["frames"], epoch, gap))
            elif mark.what == "welcome" and self.position is None:
                epoch = detail["epoch"]
                found.append((detail["frames"], epoch, None))
        return found

    def epoch_at(self, arrival: int) -> str:
        """The epoch in which an arrival (its index) came."""
        return next(epoch for begin, epoch, _ in reversed(self.stretches) if begin <= arrival)


@dataclass(slots=True, eq=False)
class ReconnectingClientView:
    """One client, with its connections in the order in which it began them."""

    name: str
    connections: list[ConnectionView] = field(default_factory=list)

    @property
    def moves(self) -> int:
        """How often it has reconnected."""
        return max(0, sum(connection.opened_at is not None for connection in self.connections) - 1)

    @property
    def since(self) -> float | None:
        """When it was first welcomed, or else let in; messages from then on are due to it. None: never."""
        welcomed = [t for connection in self.connections if (t := connection.welcomed_at) is not None]
        let_in = [t for connection in self.connections if (t := connection.opened_at) is not None]
        return min(welcomed or let_in, default=None)

    def received(self) -> set[Numbered]:
        """All messages that it received, on any connection."""
        return {
            numbered
            for connection in self.connections
            for numbered in zip(connection.sender, connection.n, strict=True)
        }

    def before(self, t: float) -> Iterator[tuple[ConnectionView, int]]:
        """How many messages had arrived on each connection before a moment."""
        for connection in self.connections:
            if connection.began < t:
                yield connection, bisect_left(connection.at, t)

    def longest_silence_s(self, start: float, end: float) -> float:
        """The longest stretch (s) between two moments in which it received nothing."""
        times = sorted(t for connection in self.connections for t in connection.at if start < t < end)
        moments = [start, *times, end]
        return max(map(float.__sub__, moments[1:], moments[:-1]))
