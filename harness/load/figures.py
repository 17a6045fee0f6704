"""The figures of a run, and the statistics of several runs.

Owns their names, units and order; medians, spreads and ratios. Pure. Refuses to know how they were measured.

Rules. A ratio is computed within one run, in which both servers had the same conditions, and then the median of the
ratios is taken. A figure that was not measured is absent, never 0.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One thing that is measured. `scale` is how many of the unit shown make one of the unit kept."""

    title: str
    unit: str = ""
    scale: float = 1.0
    digits: int = 0
    compared: bool = True

    def show(self, value: float) -> str:
        """The value for people, without its unit."""
        return f"{value / self.scale:,.{self.digits}f}"

    @property
    def label(self) -> str:
        """The title with its unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


FIGURES = {
    "handshakes_per_s": Figure("handshakes a second"),
    "bytes_per_connection": Figure("memory a connection", "kB", 1000, 1),
    "idle_cpu_percent": Figure("idle", "% of a core", digits=2),
    "echo_avg_us": Figure("echo, average", "µs"),
    "echo_p99_us": Figure("echo, p99", "µs"),
    "fanout_per_s": Figure("fan-out, frames a second"),
    "fanout_cpu_us": Figure("  the server's CPU a frame", "µs", digits=2),
    "last_p50_ms": Figure("last client, p50", "ms", digits=2),
    "last_p99_ms": Figure("last client, p99", "ms", digits=2),
    "every_p99_ms": Figure("every client, p99", "ms", digits=2),
    "backlog_per_s": Figure("with a backlog, frames a second"),
    "backlog_cpu_us": Figure("  the server's CPU a frame", "µs", digits=2),
    "stalled_arrived_percent": Figure("one stalled reader: arrived", "%", compared=False),
    "stalled_last_p50_ms": Figure("  last client, p50", "ms", digits=2),
    "stalled_last_p99_ms": Figure("  last client, p99", "ms", digits=2),
    "stalled_every_p99_ms": Figure("  every client, p99", "ms", digits=2),
    "stalled_over_calm": Figure("  its p99 over that without", "times", digits=2, compared=False),
    "rss_bytes": Figure("resident memory", "MB", 1_000_000),
    "close_all_s": Figure("all closed", "s", digits=3),
    "closing_s": Figure("  since the first close frame", "s", digits=3),
    "closed_full_percent": Figure("  with a full handshake", "%", digits=1, compared=False),
    "errors": Figure("connections refused or lost", compared=False),
    "client_us": Figure("the clients' own CPU a frame", "µs", digits=2, compared=False),
    "client_busy_percent": Figure("  busy", "%", compared=False),
    "client_backlog_us": Figure("  with a backlog", "µs", digits=2, compared=False),
    "client_backlog_busy_percent": Figure("  busy", "%", compared=False),
    "send_loop_us": Figure("limit: its send(2) a frame", "µs", digits=2, compared=False),
}


@dataclass(frozen=True)
class Measured:
    """One run of one server. `codes`: how many connections were closed with which code. `notes`: what went wrong."""

    server: str
    clients: int
    run: int
    figures: Mapping[str, float]
    codes: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Spread:
    """The median and the range of several runs."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of one value or more."""
        return cls(statistics.median(values), min(values), max(values))


def spreads(measured: Iterable[Measured], server: str, clients: int) -> dict[str, Spread]:
    """Every figure of one server that was measured at least once."""
    runs = [one.figures for one in measured if (one.server, one.clients) == (server, clients)]
    found = {name: [run[name] for run in runs if name in run] for name in FIGURES}
    return {name: Spread.of(values) for name, values in found.items() if values}


def ratios(measured: Sequence[Measured], of: str, to: str, clients: int) -> dict[str, Spread]:
    """One server's figures divided by another's, run by run, if a run has both and the other's is not 0."""
    runs = {(one.server, one.run): one.figures for one in measured if one.clients == clients}
    found: dict[str, list[float]] = {}
    for (server, run), figures in runs.items():
        other = runs.get((to, run), {}) if server == of else {}
        for name, figure in FIGURES.items():
            if figure.compared and name in figures and other.get(name):
                found.setdefault(name, []).append(figures[name] / other[name])
    return {name: Spread.of(found[name]) for name in FIGURES if name in found}
