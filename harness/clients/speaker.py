"""A reconnecting client that publishes.

Owns how each of its messages is published once and in order, even when connections and hosts fail. Refuses to know when
the next message is due.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Sequence

from ..history.record import History
from ..targets.talk import Talk
from .received import Readings
from .reconnecting import ReconnectingClient
from .resumable import ResumableConnection

RETRY_S = 0.25


class Speaker(ReconnectingClient):
    """A reconnecting client that publishes numbered messages, from 1.

    It has one publish under way at a time, because the next one must not overtake a publish that fails. It repeats a
    publish on the next connection until it is acknowledged, with the same id, so that the server applies it once.
    """

    unacknowledged: deque[int]

    def __init__(
        self,
        name: str,
        history: History,
        ports: Sequence[int],
        readings: Readings,
        dice: random.Random,
        path: str,
        talk: Talk | None = None,
    ) -> None:
        super().__init__(name, history, ports, readings, dice, path, talk)
        self.said = 0
        self.unacknowledged = deque()
        self._published_on: ResumableConnection | None = None

    def speak(self) -> None:
        """Publish the next message, as soon as those before it are acknowledged."""
        self.said += 1
        self.unacknowledged.append(self.said)
        self._publish()

    def on_arrival(self) -> None:
        """Publish on the new connection what is not acknowledged."""
        self._publish()

    def on_ack(self, id: str) -> None:
        """Go on with the next message."""
        if self.unacknowledged and id == self._id(self.unacknowledged[0]):
            self.unacknowledged.popleft()
            self._published_on = None
            self._publish()

    def on_error(self) -> None:
        """Publish again a little later."""
        asyncio.get_running_loop().call_later(RETRY_S, self._retry)

    def _retry(self) -> None:
        self._published_on = None
        self._publish()

    def _publish(self) -> None:
        connection = self.current
        if not self.unacknowledged or connection is None or connection is self._published_on or not connection.present:
            return
        self._published_on = connection
        connection.publish(self.unacknowledged[0])

    def _id(self, n: int) -> str:
        return f"{self.name}:{n}"
