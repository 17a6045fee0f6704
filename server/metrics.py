"""The numbers of this process, as Prometheus reads them: those of its drain, and those of the reference server."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .drain.events import Phase
from .drain.shutdown import Shutdown

if TYPE_CHECKING:
    from .connections.admission import Admission
    from .hub import Hub


class LoopLag:
    """How late the event loop is, in seconds: the worst of the last ten."""

    EVERY_S = 0.1

    def __init__(self) -> None:
        self._recent: deque[float] = deque([0.0], maxlen=100)

    @property
    def worst_s(self) -> float:
        """The longest delay lately."""
        return max(self._recent)

    async def watch(self) -> None:
        """Measure for ever."""
        clock = asyncio.get_running_loop().time
        while True:
            due = clock() + self.EVERY_S
            await asyncio.sleep(self.EVERY_S)
            self._recent.append(max(0.0, clock() - due))


class DrainNumbers(Collector):
    """Reads the numbers of a drain where they are kept, at the moment they are asked for."""

    def __init__(self, shutdown: Shutdown, refused: Callable[[], int]) -> None:
        self._shutdown = shutdown
        self._refused = refused

    def collect(self) -> Iterator[Metric]:
        """Yield every metric once."""
        phase = GaugeMetricFamily("ebb_phase", "1 for the phase that the server is in", labels=["phase"])
        for name in Phase:
            phase.add_metric([name], float(name is self._shutdown.phase))
        yield phase
        worker = self._shutdown.worker
        connections = GaugeMetricFamily("ebb_connections", "Connections there are", labels=["worker"] if worker else [])
        connections.add_metric([str(worker)] if worker else [], self._shutdown.remaining)
        yield connections
        yield CounterMetricFamily("ebb_refused", "Handshakes refused in a drain", self._refused())


class Numbers(DrainNumbers):
    """Those of a drain, and of the reference server beside."""

    def __init__(self, hub: Hub, shutdown: Shutdown, admission: Admission, lag: LoopLag) -> None:
        super().__init__(shutdown, lambda: admission.refused)
        self._hub = hub
        self._lag = lag

    def collect(self) -> Iterator[Metric]:
        """Yield every metric once."""
        yield from super().collect()
        yield GaugeMetricFamily("ebb_loop_lag_seconds", "Worst delay of the event loop in 10 s", self._lag.worst_s)
        yield GaugeMetricFamily("ebb_broker_available", "1 while the broker answers", float(self._hub.broker.available))
        yield CounterMetricFamily("ebb_published", "Messages published here", self._hub.published)
        yield CounterMetricFamily(
            "ebb_slow_consumers", "Clients closed with 1008", self._hub.broadcaster.slow_consumers
        )
