"""How to talk to *this* server: what a client says, and what a text that it receives means.

A message carries the token `m:{sender}:{n}` wherever the server leaves it intact: alone, behind `You said: `,
inside a JSON envelope. A dialect owns the wording around the token and the reading of it. It refuses to know
connections, time and verdicts. The wire format of the reference server is written here a second time on
purpose: harness and server never import each other.

| dialect | says | its own token in a text | another's token |
|---|---|---|---|
| broadcast, echo, others | the token, as plain text | answer | heard |
| twice | the token, as plain text | the first is the answer | heard |
| envelope (`ebb.v1`) | `publish`, the token as `id` and as `data` | only the `ack` is the answer | heard |
| silent | nothing | - | heard |

In every dialect a JSON object whose `type` is `draining` is the drain notice. The plain dialects differ in who hears
what a client says: with `echo` only the sender, with `broadcast` the sender and the others, with `others` only the
others; with `twice` the server replies to the sender and also broadcasts to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

from ..targets.talk import token_of

TOKEN = re.compile(r"m:([\w-]+):(\d+)")


class Notice(NamedTuple):
    """The drain notice: seconds until the deadline, and until this client should reconnect, if the notice says so."""

    deadline_s: float | None
    reconnect_after_s: float | None


class Answer(NamedTuple):
    """The server's answer to the reader's own message `n`."""

    n: int


class Heard(NamedTuple):
    """A broadcast of another sender's message `n`."""

    sender: str
    n: int


class Notified(NamedTuple):
    """A text by the server itself, such as a periodic notification."""

    text: str


Message = str | bytes
Reading = Notice | Answer | Heard | Notified | None


class Dialect:
    """Plain text: a client sends its token, and the answer is the same token coming back.

    `speaks`: a client says something. `converses`: the protocol wants messages before a client `is_in`, or while it
    is: `begin`, `hear` and `beat` return them, and `readings` reads a text.
    """

    subprotocol: str | None = None
    headers: Mapping[str, str] = {}
    speaks: bool = True
    converses: ClassVar[bool] = False
    is_in: bool = True

    def __init__(self, me: str, room: str | None = None) -> None:
        self.me = me
        self.room = room

    @property
    def missing(self) -> str:
        """Why it is not in yet, in words for a person."""
        return ""

    @property
    def beat(self) -> tuple[float, Message] | None:
        """How often something is said to stay connected, in seconds, and what."""
        return None

    def begin(self) -> list[Message]:
        """What is said as soon as the connection is open."""
        return []

    def hear(self, text: str) -> list[Message] | None:
        """The answers that the protocol wants; None where the text is for the client to read."""

    def say(self, n: int, ballast: str = "") -> Message:
        """The message that carries the client's own token `n`, followed by `ballast`."""
        return token_of(self.me, n) + ballast

    def readings(self, text: str) -> list[Reading]:
        """Everything that a text means to this client."""
        return [self.read(text)]

    def read(self, text: str) -> Reading:
        """What a received text means to this client; None: nothing worth recording."""
        notice = read_notice(text)
        if notice is not None:
            return notice
        token = read_token(text)
        if token is None:
            return Notified(text)
        return Answer(token.n) if token.sender == self.me else token


class Twice(Dialect):
    """Plain text, to a server that answers the sender and then broadcasts to it as well: the first is the answer."""

    def __init__(self, me: str, room: str | None = None) -> None:
        super().__init__(me, room)
        self._answered: set[int] = set()

    def read(self, text: str) -> Reading:
        """What a received text means; the second copy of an own message is not an answer."""
        reading = super().read(text)
        if not isinstance(reading, Answer):
            return reading
        if reading.n in self._answered:
            self._answered.discard(reading.n)
            return None
        self._answered.add(reading.n)
        return reading


class Silent(Dialect):
    """Says nothing: for servers whose clients only listen."""

    speaks = False


class Envelope(Dialect):
    """The subprotocol `ebb.v1`: JSON envelopes, one `ack` for each `publish`."""

    subprotocol = "ebb.v1"

    def join(self) -> Message:
        """The message by which one hears what is said in `room`."""
        return json.dumps({"type": "join", "room": self.room})

    def say(self, n: int, ballast: str = "") -> Message:
        """A `publish` whose id is the token."""
        token = token_of(self.me, n)
        publish = {"type": "publish", "id": token, "data": token + ballast}
        return json.dumps(publish if self.room is None else publish | {"room": self.room})

    def read(self, text: str) -> Reading:
        """What an envelope means; `welcome`, `resumed` and the like are not worth recording."""
        envelope = read_json(text)
        match envelope.get("type"):
            case "message":
                data = envelope.get("data")
                data = data if isinstance(data, str) else json.dumps(data)
                return read_token(data) or Notified(data)
            case "ack":
                token = read_token(str(envelope.get("id")))
                return Answer(token.n) if token is not None and token.sender == self.me else None
            case "draining":
                return read_notice(text)
            case _:
                return None


DIALECTS: dict[str, type[Dialect]] = {
    "broadcast": Dialect,
    "echo": Dialect,
    "envelope": Envelope,
    "others": Dialect,
    "silent": Silent,
    "twice": Twice,
}


# One broadcast reaches a thousand clients as the same text: it is parsed once.
@lru_cache(maxsize=1024)
def read_token(text: str) -> Heard | None:
    """The token in a text, whoever sent it."""
    found = TOKEN.search(text)
    return Heard(found[1], int(found[2])) if found else None


@lru_cache(maxsize=1024)
def read_json(text: str) -> dict[str, Any]:
    """The JSON object in a text; an empty one where the text is no JSON object."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def read_notice(text: str) -> Notice | None:
    """The drain notice in a text; None where it is none, or does not give the time left as a number."""
    if '"draining"' not in text:
        return None
    notice = read_json(text)
    deadline_s, reconnect_after_s = notice.get("deadline_s"), notice.get("reconnect_after_s")
    if notice.get("type") != "draining" or not isinstance(deadline_s, int | float):
        return None
    return Notice(deadline_s, reconnect_after_s if isinstance(reconnect_after_s, int | float) else None)
