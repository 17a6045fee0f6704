"""A client that comes back, and speaks.

Owns how it sees to it that every message of its is published once and in order, whatever becomes of connections and
hosts. Refuses to know when it is time for the next message.
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

ASKS_AGAIN_S = 0.25


class Speaker(ReconnectingClient):
    """A returner that numbers what it says, from 1.

    It has one publish under way at a time, for a second must not overtake one that fails, and repeats it on the next
    connection until it is acknowledged: with the same id, so that the server applies it once.
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
        self._asked: ResumableConnection | None = None

    def speak(self) -> None:
        """Say the next message, as soon as those before it are acknowledged."""
        self.said += 1
        self.unacknowledged.append(self.said)
        self._ask()

    def on_arrival(self) -> None:
        """Ask again on the new connection what has no answer."""
        self._ask()

    def on_ack(self, id: str) -> None:
        """Go on with the next one."""
        if self.unacknowledged and id == self._id(self.unacknowledged[0]):
            self.unacknowledged.popleft()
            self._asked = None
            self._ask()

    def on_error(self) -> None:
        """Ask again a little later."""
        asyncio.get_running_loop().call_later(ASKS_AGAIN_S, self._ask_again)

    def _ask_again(self) -> None:
        self._asked = None
        self._ask()

    def _ask(self) -> None:
        connection = self.current
        if not self.unacknowledged or connection is None or connection is self._asked or not connection.present:
            return
        self._asked = connection
        connection.publish(self.unacknowledged[0])

    def _id(self, n: int) -> str:
        return f"{self.name}:{n}"
