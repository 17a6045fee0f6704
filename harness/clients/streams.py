"""The streams of one run: long responses that are under way when the target is told to stop, and those that come late.

Owns how many there are, and when they ask. Refuses to know how the target should answer, and what is judged.

Where no stream is declared there are none. A response that ends before the target is told to stop is asked for anew, so
that one is under way at that moment.
"""

from __future__ import annotations

import asyncio

from ..history.record import History
from ..probes.polling import Probes
from ..targets.declaration import Profile
from ..targets.talk import fill
from .crowd import CrowdIncomplete
from .declared_dialect import notice_by
from .late_handshakes import JOIN_TIMEOUT_S
from .stream_client import LateStream, ObedientStream, StreamClient

STAYING, OBEDIENT = 6, 4
APART_S = 0.03  # between the beginning of one and the next, so that not all are in the middle of an event at once
AGAIN_AFTER_S = 0.05
LATE_EVERY_S = 0.1


class Streams:
    """The clients of long responses of one run, on a target that listens on `port`."""

    def __init__(self, profile: Profile, history: History, port: int) -> None:
        self.path = profile.stream
        self._history = history
        self._port = port
        self._talk = profile.talk
        self._signalled = False
        personas = [] if self.path is None else [StreamClient] * STAYING + [ObedientStream] * OBEDIENT
        self.clients = [self._client(persona, number) for number, persona in enumerate(personas)]

    @property
    def connected(self) -> int:
        """How many responses are under way."""
        return sum(client.present for client in self.clients)

    async def open(self, probes: Probes) -> None:
        """Ask for all of them. Raises CrowdIncomplete, with what the target answered, when one does not begin."""
        await asyncio.gather(*(self._ask(client, APART_S * n) for n, client in enumerate(self.clients)))
        lost = [client for client in self.clients if not client.opened]
        if lost:
            charge = f"{len(lost)} of {len(self.clients)} streams did not begin: {lost[0].answer} on {self.path}"
            raise CrowdIncomplete(f"{charge}\n  another path? --stream PATH")
        probes.keep(self._ask_anew())

    def signal(self) -> None:
        """Note that the target has just been told to stop: nothing is asked for anew."""
        self._signalled = True

    def come_late(self, probes: Probes) -> None:
        """From now on ask for an event stream, which comes too late, if the target's are event streams."""
        if any(client.tells_events for client in self.clients):
            probes.repeat(LATE_EVERY_S, self._come_late)

    def leave(self) -> None:
        """Let every client leave."""
        for client in self.clients:
            client.leave()

    def tear_down(self) -> None:
        """Drop every connection."""
        for client in self.clients:
            client.tear_down()

    def _client(self, persona: type[StreamClient], number: int) -> StreamClient:
        name = f"{persona.persona}-{number}"
        path = (self.path or "").replace("{client}", name).replace("{number}", str(number))
        headers = {key: str(fill(value, name)) for key, value in self._talk.headers.items()} if self._talk else {}
        return persona(name, self._history, path, headers, lambda text: notice_by(self._talk, text))

    async def _ask(self, client: StreamClient, in_s: float) -> None:
        await asyncio.sleep(in_s)
        await client.ask(self._port)

    async def _ask_anew(self) -> None:
        while not self._signalled:
            await asyncio.sleep(AGAIN_AFTER_S)
            for number, client in enumerate(self.clients):
                if not (client.present or self._signalled):
                    self.clients[number] = self._client(type(client), number)
                    await self.clients[number].ask(self._port)

    async def _come_late(self, number: int) -> None:
        await self._client(LateStream, number).ask(self._port, timeout_s=JOIN_TIMEOUT_S)
