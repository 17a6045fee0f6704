"""The record of one run: what was observed, by whom, and when.

Owns: the append-only `History` and its form as JSON lines. Refuses to know: what the events mean together
(`harness.history.drain`) and whether that is good (`harness.clauses`).

Rules. Time is `time.monotonic()` in seconds, read by the caller that records. The events of one name are in
the order in which they happened; events of different names may be a little out of order. Nothing is ever
changed or removed, so the number of events says whether a view is still current. One name is one connection
at a time: a persona that holds two connections at once gives them two names.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Protocol

from ..targets.declaration import Profile
from .drain import Drain
from .events import Event
from .terms import Terms


class Writable(Protocol):
    """Where a history can be dumped: a text file, or any other object with `write`."""

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
        """t0 plus the drain timeout; None before the target was told to stop, or without a drain timeout."""
        if self.t0 is None or self.terms.drain_timeout_s is None:
            return None
        return self.t0 + self.terms.drain_timeout_s

    @property
    def drain(self) -> Drain | None:
        """All events put together as one drain, or None before the target was told to stop.

        Reads all events once, and again only after more were recorded: ask for it when the run is complete.
        """
        if self.t0 is None:
            return None
        if self._drain is None or self._drain_events != len(self.events):
            self._drain = Drain(self.terms, self.t0, self.events)
            self._drain_events = len(self.events)
        return self._drain

    def dump(self, connection: Writable) -> None:
        """Write the terms on one line and then each event on one, as JSON."""
        connection.write(json.dumps({"terms": {**vars(self.terms), "profile": self.terms.profile.model_dump()}}) + "\n")
        for event in self.events:
            connection.write(json.dumps(event._asdict(), default=list) + "\n")

    @classmethod
    def load(cls, lines: Iterable[str]) -> list[History]:
        """Read back what `dump` wrote, once or several times: one history for each run, in their order, at least one.

        Raises ValueError where the first line holds no terms.
        """
        histories: list[History] = []
        for line in lines:
            said: dict[str, Any] = json.loads(line)
            if (terms := said.get("terms")) is not None:
                histories.append(cls(Terms(**{**terms, "profile": Profile(**terms["profile"])})))
            elif histories:
                histories[-1].record(said["t"], said["who"], said["what"], **said["detail"])
            else:
                raise ValueError(f"not a history: the first line holds {sorted(said)}, not its terms")
        if not histories:
            raise ValueError("not a history: the first line holds nothing, not its terms")
        return histories
