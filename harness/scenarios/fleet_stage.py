"""The stage of a scenario with several hosts: broker, fleet and reconnecting clients together.

Owns the order in which they start and end, and the steps that such scenarios are written in: `open_crowd`,
`begin_speaking`, `replace`, `settle`. Refuses to know verdicts and how a run is shown. The rules of `stage` about
endings and about the garbage collector hold here too.
"""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import AsyncExitStack
from typing import Any, Self

from ..clients.reconnecting_crowd import ReconnectingCrowd
from ..faults.broker import Broker
from ..history.record import History
from ..history.terms import environment_of, terms_of
from ..probes.machine import resting_garbage_collector, watch_lag, watch_starvation
from ..probes.network import allow_descriptors
from ..targets.declaration import Ask, Profile
from ..targets.fleet import Fleet

SETTLES_WITHIN_S = 15.0


class FleetStage:
    """`async with FleetStage(...)`: hosts that are ready, on the harness's own broker, and no client yet.

    The profile declares a `broker_env`. `evict_per_s`: the pace of each host.
    """

    def __init__(self, profile: Profile, ask: Ask, hosts: int, evict_per_s: float) -> None:
        assert profile.broker_env is not None, "a scenario with several hosts needs a broker"
        self.profile = profile
        self.ask = ask
        self.phases = ["starting the hosts"]
        self.history = History(terms_of(profile, ask, evict_per_s))
        self.broker = Broker(self.history)
        self.fleet = Fleet(profile, self.history, hosts, environment_of(self.history.terms))
        self.crowd = ReconnectingCrowd.of(profile, self.history, self.fleet.ports, ask.clients, ask.seed)

    async def __aenter__(self) -> Self:
        """Raises TargetFailed when a host does not come up, OSError without a broker or enough descriptors."""
        if raised := allow_descriptors(2 * self.ask.clients):
            self.enter(raised)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.broker)
            self.fleet.environment[str(self.profile.broker_env)] = self.broker.url
            await stack.enter_async_context(self.fleet)
            stack.enter_context(resting_garbage_collector())
            stack.callback(asyncio.ensure_future(watch_lag(self.history)).cancel)
            if self.ask.starvation:
                waits = watch_starvation(self.history, lambda: self.fleet.targets)
                stack.callback(asyncio.ensure_future(waits).cancel)
            stack.push_async_callback(self.crowd.close)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: Any) -> bool | None:
        return await self._stack.__aexit__(*exc)

    @property
    def counts(self) -> str:
        """Where its clients are, in words for a person."""
        crowd = self.crowd
        return f"connected {crowd.connected}, moved {crowd.moves} times, heard {crowd.heard} messages"

    @property
    def status(self) -> int | None:
        """The exit status of the replaced hosts: the first one that is not 0; None if no host was replaced."""
        statuses = self.fleet.statuses
        return next((status for status in statuses if status != 0), 0) if statuses else None

    def enter(self, phase: str) -> None:
        """Begin a phase of the scenario: it is marked in the history, and shown to the user."""
        self.phases.append(phase)
        self.history.record(time.monotonic(), "harness", "mark", name=phase)

    async def open_crowd(self) -> None:
        """Connect every client. Raises CrowdIncomplete when one cannot."""
        self.enter("opening the crowd")
        await self.crowd.open()
        gc.freeze()

    async def speak(self, per_s: float, alone_s: float) -> None:
        """Begin the load, and wait for `alone_s`."""
        self.enter(f"speaking {per_s:g} messages a second")
        self.crowd.begin_speaking(per_s)
        await asyncio.sleep(alone_s)

    async def replace(self, host: int) -> None:
        """Drain one host to its exit and start it again."""
        self.enter(f"replacing host-{host + 1}")
        await self.fleet.replace(host)

    async def settle(self) -> None:
        """Stop the load, and wait until every message has arrived."""
        self.enter("settling")
        if not await self.crowd.settle(SETTLES_WITHIN_S):
            self.enter("gave up waiting for quiet")
