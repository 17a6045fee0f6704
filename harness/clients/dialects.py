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

In every dialect a JSON object whose `type` is `draining` is the drain notice. Who hears what a client says is what
tells the plain ones apart: `echo` the sender alone, `broadcast` the others too, `others` nobody else but they; a server
that replies to the sender and broadcasts to it as well is `twice`.
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
    """The drain notice: seconds until the deadline, and until this client should reconnect, where said."""

    deadline_s: float | None
    reconnect_after_s: float | None


class Answer(NamedTuple):
    """The server's answer to the reader's own message `n`."""

    n: int


class Heard(NamedTuple):
    """A broadcast of somebody else's message `n`."""

    sender: str
    n: int


class Notified(NamedTuple):
    """A text of the server's own, such as a periodic notification."""

    text: str


Message = str | bytes
Reading = Notice | Answer | Heard | Notified | None


class Dialect:
    """Plain text: what a client says is its token, and its own token coming back is the answer.

    `speaks`: a client says something. `converses`: the protocol wants things said before a client `is_in`, or while it
    is: `begin`, `hear` and `beat` are asked, and a text is read by `readings`.
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
        """Why it is not in yet, for a person."""
        return ""

    @property
    def beat(self) -> tuple[float, Message] | None:
        """How often something is said to stay connected, in seconds, and what."""
        return None

    def begin(self) -> list[Message]:
        """What is said as soon as the connection stands."""
        return []

    def hear(self, text: str) -> list[Message] | None:
        """What the protocol has to be answered; None where the text is for the client to read."""

    def say(self, n: int, ballast: str = "") -> Message:
        """The message that carries the client's own token `n`, and behind it `ballast`."""
        return token_of(self.me, n) + ballast

    def readings(self, text: str) -> list[Reading]:
        """All that a text means to this client."""
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
        """What a received text means; the second copy of an own message is none of an answer."""
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
    """The JSON object that a text is; an empty one where it is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def read_notice(text: str) -> Notice | None:
    """The drain notice that a text is, if it is one and gives the time left as a number."""
    if '"draining"' not in text:
        return None
    notice = read_json(text)
    deadline_s, reconnect_after_s = notice.get("deadline_s"), notice.get("reconnect_after_s")
    if notice.get("type") != "draining" or not isinstance(deadline_s, int | float):
        return None
    return Notice(deadline_s, reconnect_after_s if isinstance(reconnect_after_s, int | float) else None)
