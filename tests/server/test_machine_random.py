"""What nobody thought of: Hypothesis walks the phase machine, and the contract's promises hold on every path."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from server.drain.events import (
    Abort,
    Departure,
    Event,
    Evict,
    ForceRequested,
    Gone,
    Joined,
    Notify,
    Phase,
    StopRequested,
    Ticked,
)
from server.drain.machine import Drain, DrainTerms

pytestmark = pytest.mark.no_cover  # test_machine covers it all; a random walk is long enough as it is

TERMS = DrainTerms(drain_timeout_s=20, grace_s=2, evict_per_s=5, close_timeout_s=3, reconnect_window_s=8)
ORDER = list(Phase)


class Shutdown(RuleBasedStateMachine):
    """Clients come and go, signals arrive, time passes; a faithful shell performs the effects."""

    def __init__(self) -> None:
        super().__init__()
        self.drain = Drain(TERMS)
        self.now = 0.0
        self.here: set[int] = set()
        self.told: set[int] = set()
        self.evicted: dict[int, float] = {}
        self.aborted: set[int] = set()
        self.stopped_at: float | None = None
        self.phases = [Phase.SERVING]
        self.recent: deque[float] = deque()
        self.next = 1

    def feed(self, event: Event) -> None:
        for effect in self.drain.handle(event, self.now):
            match effect:
                case Notify(moments, deadline):
                    assert deadline == self.drain.deadline
                    for connection, moment in moments:
                        assert connection in self.here
                        assert connection not in self.told, "told twice"
                        assert 0 <= moment <= TERMS.window_s
                        self.told.add(connection)
                case Evict(connections, until):
                    assert until == self.now + TERMS.close_timeout_s
                    for connection in connections:
                        assert connection in self.told, "closed without a notice"
                        assert connection not in self.evicted, "closed twice"
                        assert self.now >= self.drain.deadline or self.drain.forced
                        self.evicted[connection] = self.now
                    if not self.drain.forced:
                        self.recent.extend([self.now] * len(connections))
                case Abort(connections):
                    for connection in connections:
                        assert self.now >= self.evicted[connection] + TERMS.close_timeout_s
                        self.aborted.add(connection)
        if self.drain.phase is not self.phases[-1]:
            self.phases.append(self.drain.phase)

    @precondition(lambda self: self.drain.phase in (Phase.SERVING, Phase.DRAINING))
    @rule()
    def a_client_joins(self) -> None:
        self.here.add(self.next)
        self.feed(Joined(self.next))
        self.next += 1

    @precondition(lambda self: self.here)
    @rule(data=st.data(), departure=st.sampled_from(Departure))
    def a_client_goes(self, data: st.DataObject, departure: Departure) -> None:
        connection = data.draw(st.sampled_from(sorted(self.here)))
        self.here.discard(connection)
        self.feed(Gone(connection, departure))

    @rule()
    def a_signal_arrives(self) -> None:
        if self.stopped_at is None:
            self.stopped_at = self.now
        self.feed(StopRequested())

    @rule()
    def an_operator_forces(self) -> None:
        self.feed(ForceRequested())

    @rule(seconds=st.sampled_from([0.05, 0.05, 0.5, 5.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.feed(Ticked())

    @invariant()
    def phases_only_go_forward(self) -> None:
        assert [ORDER.index(phase) for phase in self.phases] == sorted(ORDER.index(phase) for phase in self.phases)

    @invariant()
    def the_machine_knows_who_is_there(self) -> None:
        assert self.drain.remaining == len(self.here)

    @invariant()
    def the_account_adds_up(self) -> None:
        report = self.drain.report(self.now)
        gone = report.left + report.closed + report.aborted
        if self.stopped_at is not None:
            assert report.present + report.raced_in == gone + len(self.here)

    @invariant()
    def everyone_here_was_told(self) -> None:
        assert self.stopped_at is None or self.here <= self.told

    @invariant()
    def no_second_sees_more_than_twice_the_pace(self) -> None:
        while self.recent and self.recent[0] <= self.now - 1:
            self.recent.popleft()
        assert len(self.recent) <= 2 * TERMS.evict_per_s

    def teardown(self) -> None:
        """However it went, time alone brings it to an end, once whoever was cut off is gone."""
        self.feed(StopRequested())
        for _ in range(400):
            if self.drain.phase is Phase.STOPPED:
                break
            self.now += 0.5
            self.feed(Ticked())
            for connection in self.aborted & self.here:
                self.here.discard(connection)
                self.feed(Gone(connection, Departure.ABORTED))
        assert self.drain.phase is Phase.STOPPED


TestShutdown = Shutdown.TestCase
TestShutdown.settings = settings(max_examples=60, stateful_step_count=40)
