"""All reconnecting clients of one run, and the steady load of numbered messages that some of them publish.

Owns the clients, the rate, and when everything that was published has had time to arrive. Refuses to know hosts and
verdicts. Interface, for scenarios:

    crowd = ReconnectingCrowd(history, ports, clients=1000, seed=7)      # `ports` is read again at each attempt
    crowd = ReconnectingCrowd.of(profile, history, ports, 1000, 7)        # talks as the target declares
    await crowd.open()                # all connected, or CrowdIncomplete
    crowd.begin_speaking(50.0)        # 50 messages a second in all, whatever the answers
    ...                                   # faults
    await crowd.settle(10.0)          # no client speaks; all is acknowledged, all are connected, and it is quiet
    await crowd.close()               # records what arrived in the history, and drops all connections
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Sequence
from typing import Self

from ..history.record import History
from ..targets.declaration import Profile
from ..targets.talk import Talk
from .crowd import CrowdIncomplete
from .received import Readings
from .reconnecting import ReconnectingClient
from .speaker import Speaker

SPEAKERS = 10
IN_FLIGHT = 50
OPENS_WITHIN_S = 30.0
QUIET_S = 0.5
LOOK_EVERY_S = 0.05


class ReconnectingCrowd:
    """`clients` reconnecting clients, of which `speakers` publish; all random choices follow from the seed."""

    def __init__(
        self,
        history: History,
        ports: Sequence[int],
        clients: int,
        seed: int,
        speakers: int = SPEAKERS,
        path: str = "/ws/{client}",
        talk: Talk | None = None,
    ) -> None:
        self.history = history
        self.readings = Readings()
        dice = random.Random(seed)
        self.speakers: list[Speaker] = []
        self.clients: list[ReconnectingClient] = []
        for number in range(1, clients + 1):
            kind, name = (Speaker, "speaker") if number <= speakers else (ReconnectingClient, "reconnecting")
            own = random.Random(dice.getrandbits(64))
            numbered = path.replace("{number}", str(number))
            client = kind(f"{name}-{number}", history, ports, self.readings, own, numbered, talk)
            self.clients.append(client)
            if isinstance(client, Speaker):
                self.speakers.append(client)
        self.readings.senders += [each.name for each in self.speakers]
        self._most_per_s = len(self.speakers) * (talk.say_per_s if talk and talk.say_per_s else math.inf)
        self._lives: list[asyncio.Task[None]] = []
        self._speaking: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, profile: Profile, history: History, ports: Sequence[int], clients: int, seed: int) -> Self:
        """The clients of a target: they speak `ebb.v1` where it does, or else as its `talk` declares."""
        if profile.envelopes:
            return cls(history, ports, clients, seed)
        return cls(history, ports, clients, seed, path=profile.ws, talk=profile.talk)

    @property
    def connected(self) -> int:
        """How many are connected now."""
        return sum(client.connected for client in self.clients)

    @property
    def moves(self) -> int:
        """How often clients have reconnected, all clients together."""
        return sum(max(0, client.arrivals - 1) for client in self.clients)

    @property
    def heard(self) -> int:
        """How many messages all clients have received, together."""
        return sum(client.log_position.applied for client in self.clients)

    async def open(self, within_s: float = OPENS_WITHIN_S) -> None:
        """Connect all clients, `IN_FLIGHT` at a time. Raises CrowdIncomplete when one is not connected `within_s`."""
        waiting = iter(self.clients)

        async def open_waiting() -> None:
            for client in waiting:
                self._lives.append(asyncio.ensure_future(client.live()))
                while not client.connected:
                    await asyncio.sleep(0.002)

        try:
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(open_waiting() for _ in range(IN_FLIGHT)))
        except TimeoutError:
            missing = len(self.clients) - self.connected
            raise CrowdIncomplete(
                f"{missing} of {len(self.clients)} clients could not connect in {within_s:g} s"
            ) from None

    def begin_speaking(self, per_s: float) -> None:
        """From now on the speakers publish `per_s` messages a second in all, in turn."""
        per_s = min(per_s, self._most_per_s)
        self.history.record(time.monotonic(), "harness", "speaking", per_s=per_s)
        self._speaking = asyncio.ensure_future(self._speak(per_s))

    async def settle(self, within_s: float) -> bool:
        """Stop speaking, and wait until no more messages are expected: False when that took too long.

        Then all clients are connected, every publish is acknowledged, and for half a second no message has arrived.
        """
        await self._stop_speaking()
        patience_ends = time.monotonic() + within_s
        heard, since = self.heard, time.monotonic()
        while time.monotonic() < patience_ends:
            await asyncio.sleep(LOOK_EVERY_S)
            calm = self.connected == len(self.clients) and not any(each.unacknowledged for each in self.speakers)
            if not calm or self.heard != heard:
                heard, since = self.heard, time.monotonic()
            elif time.monotonic() - since >= QUIET_S:
                return True
        return False

    async def close(self) -> None:
        """Stop reconnecting, record what has arrived in the history, and drop every connection.

        Raises what a client raised: never because of the target, so it is a fault of the harness.
        """
        await self._stop_speaking()
        for life in self._lives:
            life.cancel()
        ended = await asyncio.gather(*self._lives, return_exceptions=True)
        self._lives.clear()
        for client in self.clients:
            client.keep()
            client.tear_down()
        for failure in ended:
            if isinstance(failure, Exception):
                raise failure

    async def _speak(self, per_s: float) -> None:
        """Publish at a steady rate: when the harness is late, messages are sent later, but none is left out."""
        began, said = time.monotonic(), 0
        while True:
            self.speakers[said % len(self.speakers)].speak()
            said += 1
            await asyncio.sleep(max(0.0, began + said / per_s - time.monotonic()))

    async def _stop_speaking(self) -> None:
        if self._speaking is not None:
            speaking, self._speaking = self._speaking, None
            speaking.cancel()
            await asyncio.wait([speaking])
            self.history.record(time.monotonic(), "harness", "silent")
            if not speaking.cancelled() and (failure := speaking.exception()) is not None:
                raise failure
