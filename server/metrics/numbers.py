"""The numbers of this process, as Prometheus reads them: those of its drain, and those of the reference server."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ..drain.events import Phase
from ..drain.shutdown import Shutdown
from ..durations import Durations

if TYPE_CHECKING:
    from ..connections.admission import Admission
    from ..hub import Hub
    from ..limits.tally import Tally


class LoopLag:
    """How late the event loop is: the worst of the last 10 s, in seconds; it may have been `EVERY_S` worse."""

    EVERY_S = 0.25

    def __init__(self) -> None:
        self._recent: deque[float] = deque([0.0], maxlen=round(10 / self.EVERY_S))

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


def labelled(family: Metric, labels: Mapping[str, str]) -> Metric:
    """Give each sample of a family these labels too."""
    family.samples = [sample._replace(labels={**sample.labels, **labels}) for sample in family.samples]
    return family


class DrainNumbers(Collector):
    """Reads the numbers of a drain where they are kept, at the moment they are asked for.

    `refused()` counts the handshakes that were refused, for each reason. Of several workers each sample has the label
    `worker`.
    """

    def __init__(self, shutdown: Shutdown, refused: Callable[[], Mapping[str, int]], slow: Callable[[], int]) -> None:
        self._shutdown = shutdown
        self._refused = refused
        self._slow = slow

    @property
    def worker(self) -> int:
        """The number of this process among those of its launcher, or 0."""
        return self._shutdown.worker

    def collect(self) -> Iterator[Metric]:
        """Yield every metric once."""
        labels = {"worker": str(self.worker)} if self.worker else {}
        for family in self._families():
            yield labelled(family, labels)

    def _families(self) -> Iterator[Metric]:
        meaning = "1 for the phase that the process is in, 0 for the others"
        phase = GaugeMetricFamily("ebb_phase", meaning, labels=["phase"])
        for name in Phase:
            phase.add_metric([name], float(name is self._shutdown.phase))
        yield phase
        yield GaugeMetricFamily("ebb_connections", "Connections there are", self._shutdown.remaining)
        refused = CounterMetricFamily("ebb_refused", "Handshakes refused", labels=["reason"])
        for reason, count in self._refused().items():
            refused.add_metric([reason], count)
        yield refused
        departures = CounterMetricFamily("ebb_drain_departures", "Connections that ended in a drain", labels=["how"])
        for how, count in self._shutdown.departures.items():
            departures.add_metric([how], count)
        yield departures
        slow = "Clients closed with 1008, for more would have waited for them than may"
        yield CounterMetricFamily("ebb_slow_consumers", slow, self._slow())


class Numbers(DrainNumbers):
    """Those of a drain, and of the reference server beside."""

    def __init__(self, hub: Hub, shutdown: Shutdown, admission: Admission, lag: LoopLag, limited: Tally) -> None:
        super().__init__(shutdown, lambda: admission.refused, lambda: hub.broadcaster.slow_consumers)
        self._hub = hub
        self._lag = lag
        self._limited = limited

    def _families(self) -> Iterator[Metric]:
        yield from super()._families()
        hub, broadcaster = self._hub, self._hub.broadcaster
        yield CounterMetricFamily("ebb_messages_received", "Messages taken from clients", hub.received)
        meaning = "Messages of clients that were too fast, and how many of these clients were closed"
        limited = CounterMetricFamily("ebb_limited", meaning, labels=["reason"])
        for reason, count in self._limited.counts.items():
            limited.add_metric([reason], count)
        yield limited
        yield CounterMetricFamily("ebb_messages_sent", "Messages written to clients, once for each", broadcaster.sent)
        yield CounterMetricFamily("ebb_published", "Messages published here", hub.published)
        fanout = "From the moment at which a message arrived from the broker until it was written to all of its clients"
        yield histogram("ebb_fanout_seconds", fanout, broadcaster.fanout)
        waiting = [connection.outgoing.waiting_bytes for connection in hub.connections.values()]
        yield GaugeMetricFamily("ebb_outbox_bytes", "Bytes that wait for clients, of all of them", sum(waiting))
        most = "Bytes that wait for the client for which the most do"
        yield GaugeMetricFamily("ebb_outbox_most_bytes", most, max(waiting, default=0))
        evicted = CounterMetricFamily("ebb_history_evicted", "Messages no longer kept for a resume", labels=["reason"])
        for reason, count in hub.history.evicted.items():
            evicted.add_metric([reason], count)
        yield evicted
        yield GaugeMetricFamily("ebb_history_bytes", "Memory that is taken by what is kept", hub.history.bytes)
        yield GaugeMetricFamily("ebb_broker_available", "1 while the broker answers", float(hub.broker.available))
        left_out = "What was found in the broker and not taken: foreign, unreadable, or a key of another type"
        found = CounterMetricFamily("ebb_broker_left_out", left_out, labels=["reason"])
        for reason, count in hub.broker.left_out.counts.items():
            found.add_metric([reason], count)
        yield found
        late = "From the publishing of a message, anywhere, until it arrived here, by the clocks of the two"
        yield histogram("ebb_broker_lag_seconds", late, hub.broker_lag)
        yield GaugeMetricFamily("ebb_loop_lag_seconds", "Worst delay of the event loop in 10 s", self._lag.worst_s)


def histogram(name: str, meaning: str, durations: Durations) -> Metric:
    """Make a histogram of what was counted."""
    return HistogramMetricFamily(name, meaning, durations.buckets(), durations.sum_s)
