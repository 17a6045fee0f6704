"""How busy the machine was: how late the harness's event loop ran, and how long the target waited for a core.

Owns what the records `lag` and `starved` say about any part of a run. Refuses to know how much a clause allows.
`starved` has for each thread only the time that other processes took from it (`harness.probes.machine`). The waits of
one thread are added up, and the worst thread counts, never the sum of several threads, because they wait at the same
time. The time that the hypervisor took from the worst core is added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from .events import Event

LAG_PERIOD_S = 0.1  # a lag record has the worst lag of this time before it
SMALLEST_LAG_S = 0.005  # smaller lags are not recorded


class MachineView:
    """The machine in one run. Times in seconds, monotonic."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._lags: list[tuple[float, float]] = []
        self._samples: list[Event] = []
        for event in events:
            if event.what == "lag":
                self._lags.append((event.t, event.detail["seconds"]))
            elif event.what == "starved":
                self._samples.append(event)

    def lag_s(self, start: float, end: float) -> float:
        """The worst delay of the harness's own event loop between two moments."""
        return max(self._lags_of(start, end), default=0.0)

    def lags_s(self, start: float, end: float) -> float:
        """All delays of the harness's own event loop between two moments, as far as they are recorded."""
        return sum(self._lags_of(start, end))

    def _lags_of(self, start: float, end: float) -> Iterator[float]:
        return (lag for t, lag in self._lags if t >= start and t - lag - LAG_PERIOD_S <= end)

    def starved_s(self, start: float, end: float) -> float:
        """How long the target's worst thread waited, between two moments, for a core that other processes used.

        A sample of which only a part lies between them counts with that part.
        """
        waits: Counter[str] = Counter()
        stolen_s = 0.0
        for t, _, _, detail in self._samples:
            since = detail["since"]
            inside = min(t, end) - max(since, start)
            if inside > 0:
                part = inside / (t - since)
                stolen_s += part * detail["stolen"]
                for thread, waited_s in detail["threads"].items():
                    waits[thread] += part * waited_s
        return max(waits.values(), default=0.0) + stolen_s
