"""The record of one run: what was observed, by whom, and when.

Owns: `Event`, the `Terms` that were asked of the target, the append-only `History`, and its form as JSON
lines. Refuses to know: what the events mean together (`harness.views`) and whether that is good
(`harness.clauses`).

Rules. Time is `time.monotonic()` in seconds, read by whoever records. Each name records its own events in
the order in which they happened; events of different names may be a little out of order. Nothing is ever
changed or removed, so the number of events says whether a view is still current. One name is one connection
at a time: a persona that holds two connections at once gives them two names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol

from harness.views import Drain


class Event(NamedTuple):
    """One observation: `who` saw or did `what` at `t` (seconds, monotonic)."""

    t: float
    who: str
    what: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class Terms:
    """What was asked of the target and what it declares to have; every clause takes its bounds from here.

    `None` and `False` mean that the target declares not to have it. All times in seconds, the pace in
    closes a second. `reconnect_window_s` is the window that is really in force, after any cap of the
    target's own. The statuses are those with which it may exit when drained or evicted, when an operator forced
    it, and when it was stopped in startup. `progress_pattern` finds its progress lines; its group `left` is how
    many connections are left, and its group `worker`, if it has one, which process says so. `gauge` names the metric
    that says the same. `logs`: its output is captured. `processes`: how many serve side by side, each of which has a
    report, a gauge and progress lines of its own, and cleans up for itself.
    """

    drain_timeout_s: float
    evict_per_s: float | None
    close_timeout_s: float
    reconnect_window_s: float | None
    grace_s: float = 0.0
    notify_interval_s: float | None = None
    parent_delay_s: float = 0.0
    ready: bool = True
    health: bool = True
    metrics: bool = True
    answers: bool = True
    broadcasts: bool = True
    shutdown_marker: str | None = "Waiting for application shutdown."
    drained_statuses: tuple[int, ...] = (0, -15)
    forced_statuses: tuple[int, ...] = (130, -2, -15, 0)
    startup_statuses: tuple[int, ...] = (0, -15, -2, 130)
    progress_interval_s: float | None = None
    progress_pattern: str = r"(?:worker\W+(?P<worker>\d+)\b.*)?\b(?P<left>\d+) connections left, (?P<seconds>[\d.]+) s"
    report: bool = False
    gauge: str | None = None
    logs: bool = True
    processes: int = 1


class Writable(Protocol):
    """Where a history can be dumped: a text file, or anything else that takes a line."""

    def write(self, text: str, /) -> object:
        """Take one line, its end included."""


class History:
    """An append-only list of events under fixed terms; judged by `harness.clauses.judge`."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.events: list[Event] = []
        self.t0: float | None = None
        self._drain: Drain | None = None
        self._drain_events = 0

    def record(self, t: float, who: str, what: str, **detail: Any) -> None:
        """Append one event. The target's first `signal`, or other `cause`, is t0: record it just before it is sent."""
        self.events.append(Event(t, who, what, detail))
        if what in ("signal", "cause") and self.t0 is None and who == "target":
            self.t0 = t

    @property
    def deadline(self) -> float | None:
        """t0 plus the drain timeout, or None before the target was told to stop."""
        return None if self.t0 is None else self.t0 + self.terms.drain_timeout_s

    @property
    def drain(self) -> Drain | None:
        """The events put together as one drain, or None before the target was told to stop.

        Reads all events once, and again only after more were recorded: ask for it when the run is complete.
        """
        if self.t0 is None:
            return None
        if self._drain is None or self._drain_events != len(self.events):
            self._drain = Drain(self.terms, self.t0, self.events)
            self._drain_events = len(self.events)
        return self._drain

    def dump(self, stream: Writable) -> None:
        """Write the terms on one line and then each event on one, as JSON."""
        stream.write(json.dumps({"terms": asdict(self.terms)}) + "\n")
        for event in self.events:
            stream.write(json.dumps(event._asdict(), default=list) + "\n")

    @classmethod
    def load(cls, lines: Iterable[str]) -> History:
        """Read back what `dump` wrote. Raises ValueError where the first line holds no terms."""
        rest = iter(lines)
        head = json.loads(next(rest, "{}"))
        if "terms" not in head:
            raise ValueError(f"not a history: the first line holds {sorted(head)}, not its terms")
        terms: dict[str, Any] = head["terms"]
        terms |= {name: tuple(value) for name, value in terms.items() if isinstance(value, list)}
        history = cls(Terms(**terms))
        for line in rest:
            event = json.loads(line)
            history.record(event["t"], event["who"], event["what"], **event["detail"])
        return history
