"""How busy the machine was: how late the harness's event loop ran, and how long the target waited for a core.

Owns what is read out of the records `lag` and `starved`, of any stretch of a run. Refuses to know which of it is too
much for a clause. What `starved` says of each thread is already only what others took from it
(`harness.probes.machine`). A thread's waits are added up over a stretch, and the worst thread counts, never the sum of
several: they wait side by side. Whatever the hypervisor took from the worst core comes on top.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from .events import Event

LAG_PERIOD_S = 0.1  # a lag record tells the worst of this stretch before it
SMALLEST_LAG_S = 0.005  # what is less is not recorded


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
        return max((lag for t, lag in self._lags if t >= start and t - lag - LAG_PERIOD_S <= end), default=0.0)

    def starved_s(self, start: float, end: float) -> float:
        """How long the worst thread of the target waited between two moments for a core that others had.

        A sample that lies in the stretch with a part counts with that part.
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
