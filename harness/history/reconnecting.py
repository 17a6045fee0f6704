"""What one reconnecting client received, connection by connection.

Owns `ConnectionView` (one connection), `ReconnectingClientView` (one client with all of them) and `Gap`. Refuses to
know who said what (`harness.history.resume_run`), limits and verdicts. Pure.

Rules. A message is a sender, by its index, and its number `n`. Its place in the log is an epoch and a number `seq`. The
epoch of a connection is the one that the client came with, or else its `welcome`'s; a `gap` may name another.
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
    """What comes after `after` in the `former` epoch, and before `next` in `epoch`, is not to be had."""

    former: str
    after: int
    epoch: str
    next: int

    def covers(self, epoch: str, seq: int) -> bool:
        """Whether the message at this place was announced to be missing."""
        if self.former == self.epoch:
            return epoch == self.epoch and self.after < seq < self.next
        return (epoch == self.former and seq > self.after) or (epoch == self.epoch and seq < self.next)


@dataclass(eq=False)
class ConnectionView:
    """One connection of a client. `position` is where it said that it goes on from; None: it came anew.

    `answers`: its protocol answers a resume, and acknowledges publishes. `at`, `seq`, `sender` and `n` are the columns
    of what it received, in order of arrival.
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
        """What its resume was answered with, first: `resumed` or `gap`."""
        return next((mark for mark in self.marks if mark.what != "welcome"), None)

    @property
    def gaps(self) -> list[Gap]:
        """What it was told that it would miss."""
        return [gap for _, _, gap in self.stretches if gap is not None]

    @cached_property
    def stretches(self) -> list[tuple[int, str, Gap | None]]:
        """From which arrival on (its index) which epoch counts, and the gap that was announced there."""
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
        """How often it was connected anew."""
        return max(0, sum(connection.opened_at is not None for connection in self.connections) - 1)

    @property
    def since(self) -> float | None:
        """When it was welcomed first, or else let in at all; what is said from then on is for it. None: never."""
        welcomed = [t for connection in self.connections if (t := connection.welcomed_at) is not None]
        let_in = [t for connection in self.connections if (t := connection.opened_at) is not None]
        return min(welcomed or let_in, default=None)

    def received(self) -> set[Numbered]:
        """All messages that it received, on whatever connection."""
        return {
            numbered
            for connection in self.connections
            for numbered in zip(connection.sender, connection.n, strict=True)
        }

    def before(self, t: float) -> Iterator[tuple[ConnectionView, int]]:
        """How many arrivals there had been on each connection, before a moment."""
        for connection in self.connections:
            if connection.began < t:
                yield connection, bisect_left(connection.at, t)

    def longest_silence_s(self, start: float, end: float) -> float:
        """The longest stretch (s) between two moments in which it received nothing."""
        times = sorted(t for connection in self.connections for t in connection.at if start < t < end)
        moments = [start, *times, end]
        return max(map(float.__sub__, moments[1:], moments[:-1]))
