"""The stage of a scenario: target, clients and probes together, under recorded terms.

Owns the order in which they start and end, and the few steps that scenarios are written in: `open_crowd`,
`warm_up`, `signal`, `until_exit`. Refuses to know verdicts and how a run is shown.

Rules. Whatever happens, including Ctrl+C, everything that was started is ended. Nothing waits without a bound.
While a stage exists the garbage collector is off: a collection would delay every observation.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import time
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Self

import psutil

from ..clients.crowd import Crowd, CrowdIncomplete
from ..clients.late_handshakes import LateHandshakes
from ..clients.mix import ClientFactory, ClientMix
from ..clients.streams import Streams
from ..faults.broker import Broker
from ..faults.worker import workers
from ..history.record import History
from ..history.stop import SENT_HOME
from ..history.terms import environment_of, terms_of
from ..probes.keep_alive import hold_idle
from ..probes.machine import resting_garbage_collector, watch_lag, watch_memory, watch_starvation
from ..probes.network import allow_descriptors
from ..probes.polling import HEALTH_EVERY_S, READY_EVERY_S, Probes
from ..targets.declaration import Ask, Profile
from ..targets.process import To
from ..targets.target import Target

WARM_UP_S = 1.0
EXITS_WITHIN_S = 0.5  # after the end of its connections: a target that crashes
SPARE_S = 5.0
QUIET_WITHIN_S = 1.0
LATE_HANDSHAKES_S = 3.0
REQUESTS_OF_A_WARM_UP = 300
LOOK_AHEAD_S = 0.2
IDLE_CONNECTIONS = 10
SENT_HOME_PART = 3  # of the patience: 20 s, more than hypercorn (3 s) and Sanic (15 s) give their clients by default


class Stage:
    """`async with Stage(...)`: a target that is ready, an empty crowd, and a history that has begun.

    With `broker` the target gets the harness's own broker, which starts before the target and ends after it.
    """

    def __init__(self, profile: Profile, ask: Ask, mix: ClientMix, comes_up: bool = True, broker: bool = False) -> None:
        self.profile = profile
        self.ask = ask
        self.mix = mix
        self.phases = ["starting the target"]
        self.history = History(terms_of(profile, ask, mix.evict_per_s))
        self.factory = ClientFactory(profile, ask, mix, self.history)
        words = {"requests": str(self.request_limit)}
        environment = environment_of(self.history.terms)
        self.target = Target(profile, self.history, environment, words, comes_up)
        self.broker = Broker(self.history) if broker else None
        self.crowd = Crowd(self.target.port)
        self.probes = Probes(self.target.port, self.history, ask.seed)
        self.late_handshakes = LateHandshakes(self.factory, self.crowd, self.probes)
        self.streams = Streams(profile, self.history, self.target.port)

    async def __aenter__(self) -> Self:
        """Raises TargetFailed when the target does not come up, OSError without a broker or enough descriptors."""
        if raised := allow_descriptors(self.mix.size + self.mix.attackers):
            self.enter(raised)
        async with AsyncExitStack() as stack:
            if self.broker and self.profile.broker_env:
                await stack.enter_async_context(self.broker)
                self.target.environment[self.profile.broker_env] = self.broker.url
            await stack.enter_async_context(self.target)
            stack.enter_context(resting_garbage_collector())
            stack.callback(self.crowd.tear_down)
            stack.callback(self.streams.tear_down)
            stack.push_async_callback(self.probes.stop, 0.0)
            self.probes.keep(watch_lag(self.history))
            if self.ask.starvation:
                self.probes.keep(watch_starvation(self.history, lambda: [self.target]))
            if self.profile.processes > 1:
                self.probes.keep(self._look_at_the_workers())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> bool | None:
        return await self._stack.__aexit__(*exc)  # type: ignore[arg-type]  # handed on as they came

    def enter(self, phase: str) -> None:
        """Begin a phase of the scenario: it is marked in the history, and shown to the user."""
        self.phases.append(phase)
        self.history.record(time.monotonic(), "harness", "mark", name=phase)

    async def open_crowd(self) -> None:
        """Connect every client. Raises CrowdIncomplete when one cannot, TargetFailed when the target exits."""
        self.enter("opening the crowd")
        self.crowd.clients = self.factory.assemble()
        await self._all_of_them(self.crowd.open())

    async def open_streams(self) -> None:
        """Begin the long responses, where the target declares one. Raises CrowdIncomplete when one does not begin."""
        if self.streams.clients:
            self.enter("opening the streams")
            await self._all_of_them(self.streams.open(self.probes))

    async def warm_up(self) -> None:
        """Let every client act for a second, with the probes on; find out what a foreign target answers.

        Raises CrowdIncomplete when the target closes a well-behaved client, TargetFailed when it exits.
        """
        self.enter("warming up")
        self.begin_probes()
        gc.freeze()
        await self._all_of_them(asyncio.sleep(WARM_UP_S))
        if not self.profile.reference and self.crowd.clients:
            self.history.terms = replace(
                self.history.terms,
                answers=any(client.answered for client in self.crowd.clients),
                profile=self.profile.changed(
                    broadcasts=self.profile.broadcasts and any(client.heard for client in self.crowd.clients)
                ),
            )
        self.target.note_children()

    async def _all_of_them(self, act: Awaitable[None]) -> None:
        """Do `act`, which does not end the target or clients: if one is lost, the reason is what the clients sent."""
        try:
            await act
            self.crowd.must_be_connected()
        except CrowdIncomplete:
            await self.target.must_run(f"while {self.phases[-1]}", EXITS_WITHIN_S)
            raise
        await self.target.must_run(f"while {self.phases[-1]}")

    async def signal(self, which: signal.Signals = signal.SIGTERM, joiners: bool = True, to: To = "process") -> None:
        """Tell the target to stop; with `joiners`, some handshakes race that signal, and others come too late."""
        await self.target.must_run(f"while {self.phases[-1]}")
        moment = time.monotonic() + 0.1
        if joiners:
            self.late_handshakes.race(moment)
        await asyncio.sleep(moment - time.monotonic())
        if joiners:
            self.late_handshakes.race_now(moment)
            await asyncio.sleep(0.001)
        self.target.signal(which, to)
        self.play_on()
        if joiners:
            self.late_handshakes.come_late()
            self.streams.come_late(self.probes)

    def play_on(self) -> None:
        """Let the clients do what they do after t0: the target has just been told to stop, in whatever way."""
        self.crowd.signal()
        self.streams.signal()
        self.enter("draining")
        if self.history.terms.drain_timeout_s is None:
            self.probes.keep(self._send_home())

    async def until(self, after_s: float) -> None:
        """Wait until `after_s` after t0."""
        assert self.history.t0 is not None, "the target was told to stop"
        await asyncio.sleep(self.history.t0 + after_s - time.monotonic())

    async def until_empty(self) -> None:
        """Wait until no connection is open, at most as long as a drain may take and some time more."""
        patience_ends = time.monotonic() + self.bound_s
        while self.crowd.connected and time.monotonic() < patience_ends:
            await asyncio.sleep(0.02)

    async def until_exit(self, bound_s: float | None = None) -> None:
        """Wait for the exit, `bound_s` at most: by default as long as a drain may take, and some time more.

        A target that still runs then is recorded as left behind, and killed.
        """
        if await self.target.until_exit(self.bound_s if bound_s is None else bound_s):
            await self.target.look_behind()
            await self._try_late_handshakes()
        else:
            self.enter("gave up waiting")
            await self.target.look_behind()
            await self.target.kill()
        self.crowd.look_again()
        await self.probes.stop()
        await self._until_quiet()

    @property
    def counts(self) -> str:
        """Where its clients are, in words for a person."""
        crowd = self.crowd
        counts = f"connected {crowd.connected}, with a notice {crowd.with_notice}, left {crowd.left}"
        if self.streams.clients:
            counts += f", streams {self.streams.connected}"
        return counts if crowd.clients else "no clients"

    @property
    def status(self) -> int | None:
        """The exit status of the target."""
        return self.target.status

    @property
    def bound_s(self) -> float:
        """How long a drain may take, and `SPARE_S` more, so that a late exit is seen as late."""
        staying = self.mix.staying + self.mix.attackers + len(self.streams.clients)
        return self.history.terms.gone_after_s(staying) + SPARE_S

    @property
    def request_limit(self) -> int:
        """The number of requests after which a target with such a limit stops: well after the warm-up."""
        return REQUESTS_OF_A_WARM_UP

    def hold_idle_connections(self) -> None:
        """Keep some HTTP connections open and idle, as load balancers and scrapers do; until the end.

        They request a path that the target declares; if it declares none, there are no such connections.
        """
        if path := self.profile.health or self.profile.ready or self.profile.metrics:
            self.probes.keep(hold_idle(self.target.port, path, IDLE_CONNECTIONS, self.history))

    def begin_probes(self) -> None:
        """Poll readiness, liveness and metrics, watch the memory, post broadcasts; until the end."""
        paths = {"ready": self.profile.ready, "health": self.profile.health, "metrics": self.profile.metrics}
        for who, path in paths.items():
            if path is not None:
                self.probes.poll(who, path, READY_EVERY_S if who == "ready" else HEALTH_EVERY_S)
        self.probes.keep(watch_memory(self.target))
        if self.profile.broadcast is not None and self.crowd.clients and not self.ask.quiet:
            self.probes.post(self.profile.broadcast)

    async def _look_at_the_workers(self) -> None:
        """Record shortly before the deadline which worker holds which connections: the fullest worker takes longest."""
        if (deadline_s := self.history.terms.drain_timeout_s) is None:
            return
        while (t0 := self.history.t0) is None:
            await asyncio.sleep(LOOK_AHEAD_S)
        await asyncio.sleep(t0 + deadline_s - LOOK_AHEAD_S - time.monotonic())
        looked_at = time.monotonic()
        with contextlib.suppress(psutil.NoSuchProcess):  # it has gone already
            ports = [sorted(worker.ports) for worker in await workers(self.target)]
            self.history.record(looked_at, "target", "held", ports=ports)

    async def _send_home(self) -> None:
        """Without a deadline, let the clients that read leave after a while, so that only hostile ones are left.

        So a server that waits for its clients without a limit can be seen to exit, and the run ends.
        """
        assert self.history.t0 is not None, "the target was told to stop"
        await asyncio.sleep(self.history.t0 + self.ask.patience_s / SENT_HOME_PART - time.monotonic())
        self.enter(SENT_HOME)
        self.late_handshakes.stop()
        while True:
            self.crowd.leave()
            self.streams.leave()
            await asyncio.sleep(LOOK_AHEAD_S)

    async def _try_late_handshakes(self) -> None:
        """Go on with late handshakes: a target that closes its clients early must answer them until the deadline."""
        owed_s = (self.history.deadline or 0.0) - time.monotonic()
        if self.crowd.cut and owed_s > 0:
            self.enter("late handshakes after the clients have gone")
            await asyncio.sleep(min(LATE_HANDSHAKES_S, owed_s))

    async def _until_quiet(self) -> None:
        """Once the target is gone, wait for the ends of its connections to arrive; others are dropped later."""
        patience_ends = time.monotonic() + QUIET_WITHIN_S
        while (self.crowd.connected or self.streams.connected) and time.monotonic() < patience_ends:
            await asyncio.sleep(0.01)
