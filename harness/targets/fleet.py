"""Several hosts of one service: each is a target on its own port, and all share one broker.

Owns which hosts run, and the events of each host (`host-1`, ...), which its `Target` records; t0 of a host is its
`signal`. Refuses to know clients and brokers. Interface, for scenarios:

    async with Fleet(profile, history, hosts=3, environment) as fleet:     # inside all are ready, after it all are gone
        fleet.ports                     # one for each host, the same as long as the fleet exists
        await fleet.replace(0)          # SIGTERM, the drain to its exit, a new process on the same port, ready
        fleet.targets[0]                # the current process, for anything else that can be done to a target
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping
from typing import Self

from ..history.record import History
from ..probes.network import free_port
from .declaration import Profile
from .target import Target

SPARE_S = 6.0


class Fleet:
    """`hosts` processes of one profile with one environment. `statuses`: exit statuses of the ended processes."""

    def __init__(self, profile: Profile, history: History, hosts: int, environment: Mapping[str, str]) -> None:
        self.profile = profile
        self.history = history
        self.environment = dict(environment)
        self.ports: list[int] = []
        while len(self.ports) < hosts:
            if (port := free_port()) not in self.ports:
                self.ports.append(port)
        self.targets: list[Target] = []
        self.statuses: list[int | None] = []

    async def __aenter__(self) -> Self:
        """Start all hosts at the same time. Raises TargetFailed, with nothing left running."""
        self.targets = [self._target(host) for host in range(len(self.ports))]
        started = await asyncio.gather(*(target.__aenter__() for target in self.targets), return_exceptions=True)
        failures = [failure for failure in started if isinstance(failure, BaseException)]
        if failures:
            up = [target for target, came in zip(self.targets, started, strict=True) if came is target]
            self.targets = up
            await self.__aexit__(None, None, None)
            raise failures[0]
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(target.__aexit__(None, None, None) for target in self.targets))

    async def replace(self, host: int) -> None:
        """Tell a host to stop, wait until it has drained and exited, and start it again on its port, until it is ready.

        A host that does not exit in the time that its terms allow is killed, and recorded as `killed`. Raises
        TargetFailed when the new process does not come up.
        """
        former = self.targets[host]
        former.signal(signal.SIGTERM)
        if not await former.until_exit(self.bound_s):
            self.history.record(time.monotonic(), former.who, "killed")
            await former.kill()
        self.statuses.append(former.status)
        await former.__aexit__(None, None, None)
        del self.targets[host]  # while it has no process, nothing must try to end it
        successor = await self._target(host).__aenter__()
        self.targets.insert(host, successor)

    @property
    def bound_s(self) -> float:
        """How long a drain may take and some time more, so that a late exit is seen as late."""
        return self.history.terms.gone_after_s(0) + SPARE_S

    def _target(self, host: int) -> Target:
        who = f"host-{host + 1}"
        return Target(self.profile, self.history, self.environment, who=who, port=self.ports[host])
