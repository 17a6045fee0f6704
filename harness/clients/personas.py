"""The well-behaved clients of a server: each class does what its name says, and nothing else.

None of these is hostile: they read, and they answer a close frame within the close timeout.
"""

from __future__ import annotations

from websockets.frames import Frame, Opcode

from ..history.record import History
from .client import Client
from .dialects import Dialect, Notice
from .small_window import SmallWindowClient

NORMAL_CLOSURE = 1000


class Lingerer(Client):
    """Stays to the end."""

    persona = "lingerer"


class Cooperative(Client):
    """Leaves at the moment that the notice advises, like a client that has reconnected elsewhere."""

    persona = "cooperative"

    def on_notice(self, notice: Notice) -> None:
        """Leave at the advised moment."""
        self.after(notice.reconnect_after_s or 0.0, self.leave, NORMAL_CLOSURE)


class Leaver(Client):
    """Leaves by itself, `leaves_s` after the signal, with its own close code or (None) without a code."""

    persona = "leaver"
    leaves_s: float = 0.0
    code: int | None = NORMAL_CLOSURE

    def on_signal(self) -> None:
        """Plan to leave."""
        self.after(self.leaves_s, self.leave, self.code)


class BusySender(Client):
    """Sends bursts of several messages in one segment, until it is sent a close frame."""

    persona = "busy"
    burst: int = 30
    interval_s: float = 0.15

    def on_open(self) -> None:
        """Begin to send."""
        self.every(self.interval_s, lambda: self.say(self.burst), first_s=self.dice.random() * self.interval_s)


class Talker(Client):
    """Sends one message at a time, regularly."""

    persona = "talker"
    interval_s: float = 1.0
    first_s: float = 0.1

    def on_open(self) -> None:
        """Begin to talk."""
        self.every(self.interval_s, self.say, first_s=self.first_s)


class BriefVisitor(Client):
    """Connects and leaves at once: the only question is whether its handshake is answered."""

    persona = "brief-visitor"

    def on_open(self) -> None:
        """Leave."""
        self.leave(NORMAL_CLOSURE)


class LateAnswerer(Client):
    """Answers a close frame late, but within the close timeout: set `close_answer_delay_s`."""

    persona = "late_answerer"


class Interrupted(Client):
    """Has a message under way when the close frame arrives: the server reads it after it has sent its close frame.

    The client sends the message when it has read the close frame and not yet answered, so that this happens every time
    and not by chance; for the server that is the same. A client that answers at once sends both in one segment.
    Source: RFC 6455 §5.5.1, an endpoint may first send what it has begun.
    """

    persona = "interrupted"
    _last_word = b""

    def _read_close(self, now: float) -> None:
        if not self.leaving and self.is_in and self.dialect.speaks:
            self.record(now, "sent", n=self.said, sender=self.name, answerable=self.answerable, broadcast=False)
            message = self.dialect.say(self.said)
            text = Frame(Opcode.TEXT, message.encode()) if isinstance(message, str) else Frame(Opcode.BINARY, message)
            self._last_word = text.serialize(mask=True)
            self.said += 1
        if self.close_answer_delay_s:
            self._write([self._last_word])
            self._last_word = b""
        super()._read_close(now)

    def _answer(self, code: int, answer: list[bytes]) -> None:
        super()._answer(code, [self._last_word, *answer])


class SlowReader(SmallWindowClient):
    """Reads slowly, but reads: as much as its small window holds, every `gulp_s`, until it has a close frame.

    At 2 kB in 30 ms it reads more than it is sent. It is not hostile: the server owes it all that it owes the others.
    """

    persona = "slow-reader"
    gulp_s = 0.030  # less than the tolerance of clauses that compare the end of a connection with the exit

    def data_received(self, data: bytes) -> None:
        """Read once, and pause."""
        super().data_received(data)
        if self.present and self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()
            self.after(self.gulp_s, self._look)

    def _look(self) -> None:
        if self._transport is not None and not self.ended:
            self._transport.resume_reading()


class Quitter(Client):
    """Asks for more work than can be done before it leaves, `leaves_s` after the signal."""

    persona = "quitter"
    asks = 20
    leaves_s = 0.4

    def __init__(self, name: str, history: History, dialect: Dialect, path: str = "/ws") -> None:
        super().__init__(name, history, dialect, path, answerable=False, broadcasts=False)

    def on_signal(self) -> None:
        """Ask, and do not wait for the answer."""
        self.say(self.asks)
        self.after(self.leaves_s, self.leave, NORMAL_CLOSURE)
