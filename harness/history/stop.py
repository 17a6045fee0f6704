"""How a target was told to stop and what it did then, put together from the harness's and the target's events.

Owns: `Stop`, the half of a drain that is not about clients: signals, freezes, exit, output, memory and how busy
the machine was. Refuses to know: clients, probes, limits, verdicts.

Rules. An operator *forces* a stop by a SIGINT to the whole group more than a second after t0; a signal after the exit
does not count. Only the clauses about the target's output may use what it prints. Without a drain timeout there is no
deadline, and the server may close connections from t0 on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from .client import GAVE_UP
from .events import Event
from .machine import MachineView
from .terms import Terms

FORCE_AFTER_S = 1.0
SENT_HOME = "those who stayed leave"


class Kill(NamedTuple):
    """The worker `pid` was killed at `t`; at `looked_at` it had held the connections of clients on these ports."""

    t: float
    looked_at: float
    ports: frozenset[int]
    pid: int


class Stop:
    """One stop of one target, without its clients. Times in seconds, monotonic."""

    def __init__(self, terms: Terms, t0: float, apparatus: Mapping[str, Sequence[Event]]) -> None:
        self.terms = terms
        self.profile = terms.profile
        self.t0 = t0
        self.deadline = None if terms.drain_timeout_s is None else t0 + terms.drain_timeout_s
        self._apparatus = apparatus

    def at(self, t: float) -> str:
        """A moment in words for a person: `t0+0.104 s`."""
        return f"t0{t - self.t0:+.3f} s"

    @cached_property
    def orders(self) -> list[Event]:
        """The signals and other causes to stop, until the exit. The first one was t0."""
        told = self._target("signal") + self._target("cause")
        heard = (event for event in told if self.exited_at is None or event.t < self.exited_at)
        return sorted(heard, key=lambda event: event.t)

    @cached_property
    def cause(self) -> str | None:
        """What began this stop if it was no signal (`request limit`, `reload`)."""
        causes = (event.detail["cause"] for event in self._target("cause") if event.t == self.t0)
        return next(causes, None)

    @cached_property
    def forced_at(self) -> float | None:
        """When an operator forced the stop; None if none did."""
        return next((event.t for event in self.orders if is_ctrl_c(event) and event.t > self.t0 + FORCE_AFTER_S), None)

    @property
    def evicts_at(self) -> float:
        """When the server may begin to close connections: at the deadline, or when an operator forces it before."""
        if self.deadline is None:
            return self.t0
        return self.deadline if self.forced_at is None else min(self.deadline, self.forced_at)

    @property
    def grace_end(self) -> str:
        """The same in words for a person: `the deadline (t0+5.000 s)`."""
        if self.deadline is None:
            return "t0 (there is no deadline: no drain timeout is declared)"
        what = "the deadline" if self.evicts_at == self.deadline else "the operator's force"
        return f"{what} ({self.at(self.evicts_at)})"

    @cached_property
    def sent_home_at(self) -> float | None:
        """When the remaining clients began to leave, because it is not declared how long the server serves them."""
        marks = (event for event in self._apparatus["harness"] if event.what == "mark")
        return next((mark.t for mark in marks if mark.detail["name"] == SENT_HOME), None)

    @cached_property
    def freezes(self) -> list[tuple[float, float]]:
        """From when to when the process was stopped (SIGSTOP); to infinity if it never continued."""
        thaws = [event.t for event in self._target("thawed")]
        began = [event.t for event in self._target("frozen")]
        return [(t, next((thaw for thaw in thaws if thaw >= t), math.inf)) for t in began]

    def was_frozen(self, start: float, end: float) -> bool:
        """Whether the process was stopped (SIGSTOP) at any time between two moments."""
        return any(began <= end and thawed >= start for began, thawed in self.freezes)

    @cached_property
    def kills(self) -> list[Kill]:
        """The workers that the harness killed outright."""
        return [
            Kill(event.t, event.detail["looked_at"], frozenset(event.detail["ports"]), event.detail["pid"])
            for event in self._target("worker_killed")
        ]

    @cached_property
    def rolls(self) -> list[float]:
        """When the harness had all workers replaced."""
        return [event.t for event in self._target("rolled")]

    @cached_property
    def replaced(self) -> list[float]:
        """When all workers were found to have been replaced."""
        return [event.t for event in self._target("replaced")]

    @cached_property
    def up_at(self) -> float | None:
        """When the harness first found the target ready: the time at which it began that request."""
        return min(self.found_ready, default=None)

    @cached_property
    def found_ready(self) -> list[float]:
        """Every time at which the harness found the target ready."""
        found = self._target("ready") + [event for event in self._apparatus["ready"] if event.detail["status"] == 200]
        return sorted(event.detail.get("began", event.t) for event in found)

    @cached_property
    def lines(self) -> list[Event]:
        """What the target printed, before t0 too. Only clauses about its output may judge by it."""
        return self._target("line")

    @cached_property
    def memory(self) -> list[tuple[float, int]]:
        """The resident memory (bytes) of the processes that serve, as it was sampled."""
        return [(event.t, event.detail["rss_bytes"]) for event in self._target("memory")]

    @cached_property
    def gave_up_at(self) -> float | None:
        """When the harness gave up waiting for the target; None if it did not."""
        marks = (event for event in self._apparatus["harness"] if event.what == "mark")
        return next((mark.t for mark in marks if GAVE_UP in mark.detail["name"]), None)

    def entered_at(self, phase: str) -> float | None:
        """When the harness began this phase of its scenario; None if it did not."""
        marks = (event for event in self._apparatus["harness"] if event.what == "mark")
        return next((mark.t for mark in marks if mark.detail["name"] == phase), None)

    @property
    def exited_at(self) -> float | None:
        """When the target exited by itself; None if it still ran, or had to be killed."""
        return None if self._exit is None else self._exit.t

    @property
    def status(self) -> int | None:
        """The status of that exit, as waitpid reports it."""
        return None if self._exit is None else self._exit.detail["status"]

    @cached_property
    def _exit(self) -> Event | None:
        exits = [event for event in self._target("exited") if self.gave_up_at is None or event.t < self.gave_up_at]
        return exits[0] if exits else None

    @cached_property
    def left_behind(self) -> Event | None:
        """The last check for what the target left behind: processes, and its port."""
        looks = self._target("left_behind")
        return looks[-1] if looks else None

    def worst_lag(self, start: float, end: float) -> float:
        """The worst delay (s) of the harness's own event loop between two moments."""
        return self.machine.lag_s(start, end)

    @cached_property
    def machine(self) -> MachineView:
        """How busy the machine was."""
        return MachineView([*self._apparatus["harness"], *self._apparatus["target"]])

    @cached_property
    def held(self) -> list[frozenset[int]]:
        """The ports of each worker's clients, as last seen in the kernel before the deadline."""
        looks = [event for event in self._target("held") if event.t <= self.evicts_at]
        return [frozenset(ports) for ports in looks[-1].detail["ports"]] if looks else []

    def _target(self, what: str) -> list[Event]:
        return [event for event in self._apparatus["target"] if event.what == what]


def is_ctrl_c(order: Event) -> bool:
    """Whether this is a SIGINT to the whole process group."""
    return order.what == "signal" and order.detail["signal"] == "SIGINT" and order.detail["to"] == "group"
