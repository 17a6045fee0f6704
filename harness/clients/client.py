"""A client: a connection that understands the dialect, and has the verbs say, leave, after and every.

Owns the numbers of its messages and what it makes of the texts that it receives. Refuses to know when to use
its verbs: that is what makes a persona.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any

from ..history.record import History
from ..probes.network import HOST
from .dialects import Answer, Dialect, Heard, Message, Notice, Notified, Reading
from .fast_text import FastTextConnection
from .wire import HANDSHAKE_TIMEOUT_S

CONGESTED_BYTES = 65536
LONGEST_BEAT = 1.5


class Client(FastTextConnection):
    """A client that can speak and leave.

    `answerable`: the target answers what it says. `broadcasts`: the others hear it. `dice`: its random generator, for
    its moments. `ballast`: text that it sends after its tokens. `remarks_s`: how long after the signal a client that
    otherwise only listens says one thing.
    """

    dice = random.Random(0)
    ballast = ""
    remarks_s: float | None = None

    def __init__(
        self,
        name: str,
        history: History,
        dialect: Dialect,
        path: str = "/ws",
        *,
        answerable: bool = True,
        broadcasts: bool = True,
    ) -> None:
        super().__init__(name, history, path, dialect.subprotocol, dialect.headers)
        self.dialect = dialect
        self.answerable = answerable
        self.broadcasts = broadcasts
        self.said = self.answered = self.heard = 0
        self.has_notice = False
        self.is_in = not dialect.converses

    @property
    def arrived(self) -> bool:
        """Whether it has reached the state in which its persona wants to be: connected and let in."""
        return self.opened and self.is_in

    @property
    def lost(self) -> bool:
        """Whether it is not connected though it wants to be, through no fault of its own."""
        closed = self.opened and not (self.present or self.leaving or self.hostile)
        return closed or not self.arrived

    @property
    def about(self) -> dict[str, Any]:
        """What is recorded about it besides its path; `waits`: it is in only when it has recorded `let_in`."""
        return super().about | ({"waits": True} if self.dialect.converses else {})

    @property
    def congested(self) -> bool:
        """Whether earlier messages are still unsent, because the server does not read."""
        return self._transport is not None and self._transport.get_write_buffer_size() > CONGESTED_BYTES

    def on_notice(self, notice: Notice) -> None:
        """Called when the server has sent its drain notice."""

    def on_signal(self) -> None:
        """Called when the harness has told the server to stop, at this moment."""

    def look_again(self) -> None:
        """Called when the target has gone: a client that did not read now sees how its connection ended."""

    async def connect(self, port: int, host: str = HOST, timeout_s: float = HANDSHAKE_TIMEOUT_S) -> bool:
        """Shake hands, say what the protocol wants beyond that, if anything, and return whether it was let in."""
        came_in = await super().connect(port, host, timeout_s)
        if self.opened and not self.is_in:
            close = self._protocol.close_rcvd
            closed = f"closed with {close.code} ({close.reason}): " if close else ""
            self.record(time.monotonic(), "not_let_in", reason=closed + self.dialect.missing)
        return came_in

    def say(self, count: int = 1) -> None:
        """Send the next `count` numbered messages in one segment; do nothing when not present.

        Messages do not pile up for a server that does not read: a congested client says nothing more.
        """
        if not (self.present and self.is_in) or self.congested or not self.dialect.speaks:
            return
        now = time.monotonic()
        numbers = range(self.said, self.said + count)
        about = {"sender": self.name, "answerable": self.answerable, "broadcast": self.broadcasts}
        for n in numbers:
            self.record(now, "sent", n=n, **about)
        self.said += count
        self.send([self.dialect.say(n, self.ballast) for n in numbers])

    def leave(self, code: int | None) -> None:
        """Begin the closing handshake, unless it has begun; None: without a code."""
        if self.present:
            self.send_close(code)

    def after(self, delay_s: float, act: Callable[..., None], *args: Any) -> None:
        """Do `act(*args)` in `delay_s`."""
        asyncio.get_running_loop().call_later(delay_s, act, *args)

    def every(self, interval_s: float, act: Callable[[], None], first_s: float) -> None:
        """Do `act` in `first_s`, then about every `interval_s`, at irregular times, while the client is present."""

        def beat() -> None:
            if self.present:
                act()
                self.after(interval_s * self.dice.uniform(0.5, LONGEST_BEAT), beat)

        self.after(first_s, beat)

    def on_payload(self, now: float, text: bytes) -> None:
        """Read a text."""
        self.on_text(now, text.decode(errors="replace"))

    def on_text(self, now: float, text: str) -> None:
        """Answer if the protocol wants an answer; record what any other text means to this client."""
        if not self.dialect.converses:
            self.note(now, self.dialect.read(text))
        elif (replies := self.dialect.hear(text)) is not None:
            self._converse(now, replies)
        else:
            for reading in self.dialect.readings(text):
                self.note(now, reading)

    def on_accepted(self) -> None:
        """Say what the protocol wants first."""
        if self.dialect.converses:
            self._converse(time.monotonic(), self.dialect.begin())
        else:
            self.come_in()

    def _converse(self, now: float, replies: list[Message]) -> None:
        """Say what the protocol wants, and count as let in when that is complete."""
        if replies and self.present:
            self.send(replies)
        if not self.dialect.is_in or self.is_in:
            return
        self.is_in = True
        self.record(now, "let_in")
        if self.dialect.beat is not None:
            beat_s, message = self.dialect.beat
            beat_s /= LONGEST_BEAT
            self.every(beat_s, lambda: self.send([message]), first_s=beat_s)
        self.come_in()

    def note(self, now: float, reading: Reading) -> None:
        """Record what a text means to this client."""
        match reading:
            case Heard(sender, n):
                self.heard += 1
                self.record(now, "heard", sender=sender, n=n)
            case Answer(n):
                self.answered += 1
                self.record(now, "answered", n=n)
            case Notice(deadline_s, reconnect_after_s) as notice:
                self.has_notice = True
                self.record(now, "notice", deadline_s=deadline_s, reconnect_after_s=reconnect_after_s)
                self.on_notice(notice)
            case Notified():
                self.record(now, "notified")
