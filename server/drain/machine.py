"""The life of a shutdown: one state machine, without I/O.

Owns the phases and what moves between them, the pace of the evictions, the moments at which clients are advised to
reconnect, and the account of how every connection ended. Time is an argument: `now`, in seconds, monotonic.
Events go in, effects come out; the caller only performs them. Refuses to know sockets, tasks and logs.

    SERVING   every client is served, and new ones are admitted
    DRAINING  told to stop: new clients are refused, all others were notified, and are served until the deadline
    EVICTING  the deadline has passed: connections are closed with 1012, paced
    ABORTING  the time of the last closing handshake is over: connections that are left are cut off
    STOPPED   no connection is left

Source: the drain contract (`docs/contract.md`), clauses 5, 8, 12, 15, 16, 17, 21 to 23, 26 to 28.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice, pairwise

from .events import (
    Abort,
    Departure,
    DrainReport,
    DrainTerms,
    Effect,
    Event,
    Evict,
    ForceRequested,
    Gone,
    Joined,
    Notify,
    Phase,
    Progress,
    StopRequested,
)


class Trigger(StrEnum):
    """What moves a server from one phase to the next."""

    STOP = "told to stop"
    FORCE = "operator forces"
    DEADLINE = "deadline passed"
    OVERDUE = "close timeout passed"
    EMPTY = "everyone left"


TRANSITIONS: dict[Phase, dict[Trigger, Phase]] = {
    Phase.SERVING: {Trigger.STOP: Phase.DRAINING},
    Phase.DRAINING: {
        Trigger.DEADLINE: Phase.EVICTING,
        Trigger.FORCE: Phase.EVICTING,
        Trigger.EMPTY: Phase.STOPPED,
    },
    Phase.EVICTING: {Trigger.OVERDUE: Phase.ABORTING, Trigger.EMPTY: Phase.STOPPED},
    Phase.ABORTING: {Trigger.EMPTY: Phase.STOPPED},
    Phase.STOPPED: {},
}


class IllegalEvent(Exception):
    """An event that cannot happen in this state. The machine is unchanged."""


FORCE_AFTER_S = 1.0
_GOLDEN = (math.sqrt(5) - 1) / 2
_BURST_S = 0.25


class Pace:
    """How many connections may be closed by now: `per_s` a second (more than 0), counted from `now`.

    A token bucket that holds at most a quarter of a second's worth and starts with one. So nothing is made up for in
    one burst after a delay (a frozen process, a busy loop), and no second sees more than 1.25 times the pace (clause 15
    allows 2).
    """

    __slots__ = ("_credit", "_filled_at", "_per_s")

    def __init__(self, per_s: float, now: float) -> None:
        self._per_s = per_s
        self._credit = 1.0
        self._filled_at = now

    def take(self, wanted: int, now: float) -> int:
        """Return how many of `wanted` may be closed now."""
        earned = (now - self._filled_at) * self._per_s
        self._credit = min(self._credit + earned, max(1.0, self._per_s * _BURST_S))
        self._filled_at = now
        granted = min(wanted, int(self._credit))
        self._credit -= granted
        return granted


@dataclass(slots=True)
class Drain:
    """The drain of one process. Feed it every event; perform what it answers.

    Its attributes are for reading: the machine alone moves them.
    """

    terms: DrainTerms = field(default_factory=DrainTerms)
    phase: Phase = Phase.SERVING
    deadline: float = math.inf
    serving: dict[int, None] = field(default_factory=dict)
    closing: set[int] = field(default_factory=set)
    forced: bool = False
    present: int = 0
    raced_in: int = 0
    departures: dict[Departure, int] = field(default_factory=lambda: dict.fromkeys(Departure, 0))
    entered: dict[Phase, float] = field(default_factory=dict)
    _pace: Pace = field(default_factory=lambda: Pace(1.0, 0.0))
    _evicted_at: float = 0.0
    _reported_at: float = 0.0

    @property
    def remaining(self) -> int:
        """How many connections there still are."""
        return len(self.serving) + len(self.closing)

    def has(self, connection: int) -> bool:
        """Whether a connection has joined and is not gone."""
        return connection in self.serving or connection in self.closing

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take one event in at `now`; return the effects to perform. Raises IllegalEvent, and is then unchanged."""
        effects: list[Effect] = []
        match event:
            case Joined(connection):
                effects += self._join(connection)
            case Gone(connection, departure):
                self._forget(connection, departure)
                if self.remaining:  # nothing follows from that: the next tick is soon enough for what time brings
                    return effects
            case StopRequested() if self.phase is Phase.SERVING:
                effects += self._move(Trigger.STOP, now)
            case ForceRequested() if self._may_force(now):
                effects += self._force(now)
            case _:
                pass
        return effects if self.phase is Phase.SERVING else effects + self._advance(now)

    def report(self, now: float) -> DrainReport:
        """Account for everyone so far; `phases_s` tells how long each phase lasted, in seconds."""
        moments = [*self.entered.items(), (Phase.STOPPED, now)]
        phases_s = {
            phase.value: round(until - since, 3)
            for (phase, since), (_, until) in pairwise(moments)
            if phase is not Phase.STOPPED
        }
        counts = {departure.value: count for departure, count in self.departures.items()}
        return DrainReport(self.present, self.raced_in, **counts, forced=self.forced, phases_s=phases_s)

    # ---- What the events do ----

    def _join(self, connection: int) -> list[Effect]:
        if self.has(connection):
            raise IllegalEvent(f"connection {connection} joined twice, phase {self.phase}")
        if self.phase not in (Phase.SERVING, Phase.DRAINING):
            raise IllegalEvent(f"connection {connection} joined in phase {self.phase}: nobody would tell it")
        self.serving[connection] = None
        if self.phase is Phase.SERVING:
            return []
        self.raced_in += 1
        moment = self.terms.window_s * (self.raced_in * _GOLDEN % 1)
        return [Notify(((connection, moment),), self.deadline)]

    def _forget(self, connection: int, departure: Departure) -> None:
        if connection in self.closing:
            self.closing.discard(connection)
        elif connection in self.serving:
            del self.serving[connection]
        else:
            raise IllegalEvent(f"connection {connection} is gone but never joined, phase {self.phase}")
        if self.phase is not Phase.SERVING:
            self.departures[departure] += 1

    def _may_force(self, now: float) -> bool:
        draining_since = self.entered.get(Phase.DRAINING, math.inf)
        return self.phase in (Phase.DRAINING, Phase.EVICTING) and now - draining_since > FORCE_AFTER_S

    def _force(self, now: float) -> list[Effect]:
        self.forced = True
        return self._move(Trigger.FORCE, now) if self.phase is Phase.DRAINING else []

    # ---- What time does ----

    def _advance(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        while (trigger := self._due(now)) is not None:
            effects += self._move(trigger, now)
        if self.phase is Phase.EVICTING:
            effects += self._evict(now)
        draining = self.phase not in (Phase.SERVING, Phase.STOPPED)
        if draining and now - self._reported_at >= self.terms.progress_interval_s:
            effects.append(self._progress(now))
        return effects

    def _due(self, now: float) -> Trigger | None:
        """Name what time has brought about, if anything."""
        if self.phase in (Phase.SERVING, Phase.STOPPED):
            return None
        grace_over = now >= self.entered[Phase.DRAINING] + self.terms.grace_s
        if not self.remaining and (grace_over or self.forced):
            return Trigger.EMPTY
        if self.phase is Phase.DRAINING and now >= self.deadline:
            return Trigger.DEADLINE
        handshakes_over = not self.serving and now >= self._evicted_at + self.terms.close_timeout_s
        if self.phase is Phase.EVICTING and handshakes_over:
            return Trigger.OVERDUE
        return None

    def _move(self, trigger: Trigger, now: float) -> list[Effect]:
        self.phase = TRANSITIONS[self.phase][trigger]
        self.entered[self.phase] = now
        effects: list[Effect] = []
        if self.phase is Phase.DRAINING:
            self.present = self.remaining
            self.deadline = now + self.terms.drain_timeout_s
            if self.serving:
                effects.append(Notify(self._moments(), self.deadline))
        elif self.phase is Phase.EVICTING:
            self._pace = Pace(self.terms.evict_per_s, now)
            self._evicted_at = now
        elif self.phase is Phase.ABORTING:
            effects.append(Abort(tuple(self.closing)))
        return [*effects, self._progress(now)]

    def _moments(self) -> tuple[tuple[int, float], ...]:
        """One moment for each, evenly spread; those of connections that came one after another are, too.

        In the order of arrival a thousand connections of one client would press all others' moments into a burst.
        """
        window_s = self.terms.window_s
        return tuple((number, window_s * ((place + 0.5) * _GOLDEN % 1)) for place, number in enumerate(self.serving))

    def _evict(self, now: float) -> list[Effect]:
        if not (wanted := len(self.serving)):
            return []
        count = wanted if self.forced else self._pace.take(wanted, now)
        chosen = tuple(islice(self.serving, count))
        if not chosen:
            return []
        for connection in chosen:
            del self.serving[connection]
            self.closing.add(connection)
        self._evicted_at = now
        return [Evict(chosen, now + self.terms.close_timeout_s)]

    def _progress(self, now: float) -> Progress:
        self._reported_at = now
        handshake_s = self.terms.close_timeout_s
        ends_at = {
            Phase.DRAINING: self.deadline,
            Phase.EVICTING: now + len(self.serving) / self.terms.evict_per_s + handshake_s,
        }.get(self.phase, now)
        return Progress(self.phase, self.remaining, max(0.0, ends_at - now))
