"""The numbers of this process, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.core.drain_events import Phase
from server.hub import Hub
from server.sockets import Sockets
from server.stop import Shutdown


class Numbers(Collector):
    """Reads the numbers where they are kept, at the moment they are asked for."""

    def __init__(self, hub: Hub, shutdown: Shutdown, sockets: Sockets) -> None:
        self._hub = hub
        self._shutdown = shutdown
        self._sockets = sockets

    def collect(self) -> Iterator[Metric]:
        """Yield every metric once."""
        phase = GaugeMetricFamily("ebb_phase", "1 for the phase that the server is in", labels=["phase"])
        for name in Phase:
            phase.add_metric([name], float(name is self._shutdown.phase))
        yield phase
        yield GaugeMetricFamily("ebb_connections", "Connections there are", len(self._hub.connections))
        yield CounterMetricFamily("ebb_published", "Messages published here", self._hub.published)
        yield CounterMetricFamily("ebb_refused", "Handshakes refused in a drain", self._sockets.refused)
        yield CounterMetricFamily("ebb_slow_consumers", "Clients closed with 1008", self._hub.slow_consumers)
