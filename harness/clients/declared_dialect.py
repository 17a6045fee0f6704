"""A dialect that a target declares as data: what is said to be let in, to stay, and to say something.

Owns where a client is in its declared conversation. Refuses to know connections, time and verdicts. Pure.

Texts that a client receives before it is in, and texts that keep the connection alive, belong to the protocol and are
no messages: `hear` answers them. Only a declared notice is read before a client is in, too, as Socket.IO's does. In all
other texts tokens are searched for, and each counts once. In binary messages a token has its full fixed length, because
the bytes after it may begin with a digit, as an MQTT PUBLISH (0x30) does.
"""

from __future__ import annotations

import re
from collections import deque

from ..targets.talk import CLIENT_BYTES, NUMBER_BYTES, PAD, Cue, Hex, Talk, Text, fill
from .dialects import TOKEN, Answer, Dialect, Heard, Message, Notice, Notified, Reading, read_notice

FIXED_TOKEN = re.compile(rf"m:([\w-]{{{CLIENT_BYTES}}}):(\d{{{NUMBER_BYTES}}})")


class DeclaredDialect(Dialect):
    """One client's side of a declared conversation."""

    converses = True

    def __init__(self, talk: Talk, me: str, speaks: bool = True, twice: bool = False) -> None:
        super().__init__(me)
        self.talk = talk
        self.subprotocol = talk.subprotocol
        self.speaks = speaks and talk.say is not None
        self.headers = {name: str(fill(value, me)) for name, value in talk.headers.items()}
        self.last_heard: str | None = None
        self._token = FIXED_TOKEN if isinstance(talk.say, Hex) else TOKEN
        self._steps = deque(talk.first)
        self._awaited = talk.let_in
        self._answered: set[int] | None = set() if twice else None
        self.is_in = self._awaited is None and not self._steps

    @property
    def missing(self) -> str:
        """Why it is not in yet, in words for a person."""
        step = self._steps[0] if self._steps else None
        pattern = step.hear if isinstance(step, Cue) else self._awaited
        last = "nothing at all" if self.last_heard is None else repr(self.last_heard[:120])
        return f"{pattern!r} was not heard; the last that was heard is {last}"

    def begin(self) -> list[Message]:
        """What is said as soon as the connection is open."""
        said = self._say_on()
        self._look_whether_in()
        return said

    def hear(self, text: str) -> list[Message] | None:
        """The answers that the protocol wants; None where the text is for the client to read."""
        alive = self.talk.keepalive
        if alive is not None and alive.hear is not None and re.search(alive.hear, text, re.DOTALL):
            return [] if alive.say is None else [self._fill(alive.say)]
        if self.is_in or (self.talk.notice is not None and notice_by(self.talk, text)):
            return None
        self.last_heard = text
        said: list[Message] = []
        if self._steps and isinstance(step := self._steps[0], Cue) and re.search(step.hear, text, re.DOTALL):
            self._steps.popleft()
            said = [self._fill(step.say), *self._say_on()]
        if self._awaited is not None and re.search(self._awaited, text, re.DOTALL):
            self._awaited = None
        self._look_whether_in()
        return said

    @property
    def beat(self) -> tuple[float, Message] | None:
        """How often something is said to stay connected, in seconds, and what."""
        alive = self.talk.keepalive
        if alive is None or alive.every_s is None or alive.say is None:
            return None
        return alive.every_s, self._fill(alive.say)

    def say(self, n: int, ballast: str = "") -> Message:
        """The message that carries the client's own token `n`; a binary message has no room for ballast."""
        return fill(self.talk.say or "{token}", self.me, n, ballast)

    def readings(self, text: str) -> list[Reading]:
        """Everything that a message means: a notice, or each token in it once, or else a text by the server itself."""
        if self.talk.ignore is not None and re.search(self.talk.ignore, text, re.DOTALL):
            return []
        if (notice := notice_by(self.talk, text)) is not None:
            return [notice]
        tokens = dict.fromkeys((name.rstrip(PAD), int(n)) for name, n in self._token.findall(text))
        if not tokens:
            return [Notified(text)]
        return [Answer(n) if name == self.me else Heard(name, n) for name, n in tokens if not self._is_copy(name, n)]

    def _is_copy(self, name: str, n: int) -> bool:
        """Whether it is the second copy of an own message: some targets answer it and also broadcast it to all."""
        if self._answered is None or name != self.me:
            return False
        copy = n in self._answered
        self._answered.symmetric_difference_update({n})
        return copy

    def _say_on(self) -> list[Message]:
        """The messages that can be said without waiting for another text."""
        said = []
        while self._steps and not isinstance(step := self._steps[0], Cue):
            said.append(self._fill(step))
            self._steps.popleft()
        return said

    def _look_whether_in(self) -> None:
        self.is_in = self._awaited is None and not self._steps

    def _fill(self, text: Text) -> Message:
        return fill(text, self.me)


def notice_by(talk: Talk | None, text: str) -> Notice | None:
    """The notice in a text, by the pattern that a target declares, or else the `draining` text; None: it is none."""
    if talk is None or talk.notice is None:
        return read_notice(text)
    found = re.search(talk.notice, text, re.DOTALL)
    return found and Notice(*(_number(found.groupdict().get(name)) for name in ("left_s", "reconnect_after_s")))


def _number(text: str | None) -> float | None:
    """The number that a group has matched; None where it has matched none."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
