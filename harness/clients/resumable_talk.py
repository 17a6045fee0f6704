"""A connection of a declared conversation (`[talk]`) that can resume, and what its client remembers for the next one.

Owns `Remembered` and what a message means to such a connection. Refuses to know the client's other connections.

A declaration does not say how a server answers a resume: a client has arrived when it is let in, and replayed messages
may come before that (Socket.IO 4.8 sends the missed messages before the packet that lets the client in). There is no
acknowledgement either: no message is sent a second time.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import ClassVar

from ..history.record import History
from ..targets.talk import Talk
from .declared_dialect import DeclaredDialect
from .dialects import Heard, Message, Notice
from .received import Readings, Said
from .resumable import ResumableConnection, settle

NO_EPOCH = ""  # there is only one log


class Remembered:
    """The position of a client, in the words of its server: the last match of each group of `remember`.

    A message on any of the client's connections moves it. `applied`: how many messages, as in `LogPosition`.
    """

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.values: dict[str, str] = {}
        self.applied = 0
        self._patterns = [re.compile(pattern, re.DOTALL) for pattern in talk.remember]

    @property
    def resume_from(self) -> tuple[str, int] | None:
        """How many messages it had heard; None where it cannot resume yet."""
        return None if self.talk.resumed(self.values) is None else (NO_EPOCH, self.applied)

    def hear(self, text: str) -> None:
        """Take what `remember` finds in a message that has arrived."""
        for pattern in self._patterns:
            if found := pattern.search(text):
                self.values |= {name: value for name, value in found.groupdict().items() if value is not None}


class TalkingConnection(ResumableConnection):
    """A connection that sends and expects what its target declares."""

    answers: ClassVar[bool] = False

    def __init__(
        self, name: str, history: History, path: str, client: str, host: int, readings: Readings, position: Remembered
    ) -> None:
        query, talk = position.talk.resumed(position.values) or ("", position.talk)
        self._dialect = DeclaredDialect(talk, client)
        path += query.replace("?", "&", 1) if "?" in path else query
        super().__init__(
            *(name, history, path, client, host, readings, position.resume_from),
            *(self._dialect.subprotocol, self._dialect.headers),
        )
        self._position = position

    def publish(self, n: int) -> None:
        """Send message `n`; there will be no acknowledgement."""
        self.note(time.monotonic(), "published", n=n)
        self.send([self._dialect.say(n)])
        asyncio.get_running_loop().call_soon(self.on_ack, f"{self.client}:{n}")

    def on_accepted(self) -> None:
        """Say what the protocol wants first."""
        self._converse(self._dialect.begin())

    def on_payload(self, now: float, text: bytes) -> None:
        """Keep the numbered messages in a text, and answer if the protocol wants an answer."""
        heard = text.decode(errors="replace")
        self._position.hear(heard)
        for reading in self._dialect.readings(heard):
            if isinstance(reading, Heard) and reading.sender in self._readings.senders:
                self._received.add(now, Said(0, self._readings.senders.index(reading.sender), reading.n))
                self._position.applied += 1
            elif isinstance(reading, Notice):
                self.take_notice(now, reading)
        self._converse(self._dialect.hear(heard) or [])

    def _converse(self, replies: list[Message]) -> None:
        """Say what the protocol wants, and count as let in when that is complete."""
        if replies and self.present:
            self.send(replies)
        if self._dialect.is_in and not self.arrival.done():
            self.note(time.monotonic(), "welcome", epoch=NO_EPOCH, seq=0)
            settle(self.arrival, True)
            self._keep_alive(said=False)
            self.come_in()

    def _keep_alive(self, said: bool = True) -> None:
        if self._dialect.beat is None or not self.present:
            return
        every_s, message = self._dialect.beat
        if said:
            self.send([message])
        asyncio.get_running_loop().call_later(every_s, self._keep_alive)
