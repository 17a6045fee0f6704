"""What a record is made of: one observation, and the terms under which a run took place.

Owns `Event` and `Terms`. Refuses to know what events mean together, and who is judged by the terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


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
