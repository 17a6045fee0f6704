"""What is said on which path, by whom: the table from which the schemas of the wire are written.

Owns the channels (a path, in one of its forms), the messages in both directions, and an example of each. A message that
stands in no channel is in no schema. Refuses to know how a schema is written (`schemas`). Pure. For people the same is
in `docs/wire.md` and `docs/sessions.md`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import BaseModel

from . import sessions, wire

_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Text(NamedTuple):
    """A message that is a text and no JSON."""

    name: str
    summary: str
    example: str


Saying = Text | type[BaseModel]


class Channel(NamedTuple):
    """A path in one of its forms: what its clients say, and what the server says.

    `subprotocol` is what a client asks for, None for plain text; `arrives`: the query of the handshake may name rooms,
    and with the subprotocol a position.
    """

    name: str
    address: str
    summary: str
    client: tuple[Saying, ...]
    server: tuple[Saying, ...]
    subprotocol: str | None = None
    arrives: bool = False


SAID = Text("Said", "Goes to all other clients.", "hello")
HEARD = Text("Heard", "What somebody else said, as it was said; what is no text is JSON.", "hello")
CONFIRMED = Text("Confirmed", "What this client said.", "You said: hello")
HEARD_FROM = Text("HeardFrom", "What somebody else said, with the name of whoever chose one.", "Client ann: hello")
WORK = Text("Work", "The text for which a proof of work is looked for.", "ebb")
CLASS_MESSAGE = Text(
    "ClassMessage", "Whatever was published to the class of the session.", '{"type": "HOMEWORK", "page": 4}'
)

EBB_CLIENT = (wire.Publish, wire.Join, wire.Leave, wire.Renew)
EBB_SERVER = (
    *(wire.Welcome, wire.Envelope, wire.Ack, wire.Draining, wire.Resumed, wire.Gap, wire.Refusal),
    *(wire.Expiring, wire.Renewed),
)
SESSION_CLIENT = (sessions.Interruption, sessions.ReadingProgress, sessions.JoinClass)
SESSION_SERVER = (
    *(sessions.Restored, sessions.Acknowledged, sessions.Responded, sessions.Refused, wire.Draining, wire.Expiring),
    CLASS_MESSAGE,
)

CHANNELS = (
    Channel(
        "everyone",
        "/ws",
        "Plain text to all others.",
        (SAID,),
        (HEARD, HEARD_FROM, wire.Draining, wire.Expiring, wire.Refusal),
        arrives=True,
    ),
    Channel(
        "everyoneByName",
        "/ws/{client_id}",
        "Plain text to all others, with the name of the sender.",
        (SAID,),
        (CONFIRMED, HEARD, HEARD_FROM, wire.Draining, wire.Expiring, wire.Refusal),
        arrives=True,
    ),
    Channel(
        "envelopes",
        "/ws",
        "Envelopes with sequence numbers, acknowledgements and resume.",
        EBB_CLIENT,
        EBB_SERVER,
        wire.SUBPROTOCOL,
        arrives=True,
    ),
    Channel(
        "envelopesByName",
        "/ws/{client_id}",
        "Envelopes; a client with a name of its own never gets its own messages, and may repeat a publish anywhere.",
        EBB_CLIENT,
        EBB_SERVER,
        wire.SUBPROTOCOL,
        arrives=True,
    ),
    Channel("json", "/ws/json", "Echoes JSON.", (wire.Chat,), (wire.Echo, wire.NotDone, wire.Draining, wire.Expiring)),
    Channel(
        "heavy",
        "/ws/heavy",
        "Works for its clients.",
        (WORK,),
        (wire.Proof, wire.NotDone, wire.Draining, wire.Expiring),
    ),
    Channel(
        "session",
        "/ws/session/{session_id}",
        "A student's session, which outlives its connections.",
        SESSION_CLIENT,
        SESSION_SERVER,
    ),
)

EXAMPLES: tuple[wire.ServerMessage, ...] = (
    wire.Welcome(connection="ann", epoch="5f2c", seq=7, ping_s=20),
    wire.Envelope(seq=8, room="tea", sender="bob", data={"text": "hello"}, at=_AT),
    wire.Ack(id="a-1", seq=9),
    wire.Draining(deadline_s=30, deadline_at=_AT, reconnect_after_s=4.5),
    wire.Resumed(epoch="5f2c", seq=9, replayed=2),
    wire.Gap(after=3, next=9, epoch="5f2c"),
    wire.Refusal(
        code="rate_limited", detail="messages refused: 1, limit 50 a second, burst 100", id="a-1", retry_after_s=2.0
    ),
    wire.Expiring(expires_in_s=60),
    wire.Renewed(expires_in_s=3600),
    wire.Echo(echo="hello"),
    wire.Proof(nonce=68_664, sha256="0000" + "5a" * 30),
    wire.NotDone(detail="action: Input should be 'chat'"),
    sessions.Restored(
        payload=sessions.State(
            progress={"page": 3}, class_id="7b", answers=(sessions.Answer(response="because", at=_AT),)
        )
    ),
    sessions.Acknowledged(timestamp=_AT),
    sessions.Responded(payload=sessions.SessionResponse(response="because")),
    sessions.Refused(code="too_many_questions", detail="1000 questions wait"),
)
CLIENT_EXAMPLES: dict[type[BaseModel], str] = {
    wire.Publish: '{"type":"publish","id":"a-1","room":"tea","data":{"text":"hello"}}',
    wire.Join: '{"type":"join","room":"tea"}',
    wire.Leave: '{"type":"leave","room":"tea"}',
    wire.Renew: '{"type":"renew","token":"eyJhbGciOi..."}',
    wire.Chat: '{"action":"chat","msg":"hello"}',
    sessions.Interruption: '{"type":"STUDENT_INTERRUPTION","payload":{"questionText":"why?"}}',
    sessions.ReadingProgress: '{"type":"READING_PROGRESS","payload":{"page":3,"book":null}}',
    sessions.JoinClass: '{"type":"JOIN_CLASS","class_id":"7b"}',
}


def example_of(message: type[BaseModel]) -> str:
    """The JSON text of an example. Raises KeyError for a message that has none."""
    said = {type(each): each.frame().text for each in EXAMPLES}
    return (said | CLIENT_EXAMPLES)[message]
