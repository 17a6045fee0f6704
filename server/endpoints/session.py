"""`/ws/session/{session_id}`: one connection of a student's session, which outlives its connections.

Owns what is done with a client's messages, and what is sent to it first. The words are in `messages/sessions`, the
protocol in `docs/sessions.md`. Refuses to know brokers, what answers, and what other sessions are here (see
`registry`).

Rules: what is kept of a session is said before anything else; only what will be carried out is acknowledged. With the
broker away the connection stays, and every message that needs it is answered so; what is kept is said when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

from ..access.identity import CLASS_ROOMS, Identity
from ..brokers.broker import BrokerUnavailable
from ..connections.admission import Check
from ..connections.asgi import Scope
from ..connections.connection import Connection
from ..connections.refusal import RETRY_AFTER_S, HandshakeRefused, Reason
from ..hub import Hub
from ..limits.rate import Limited
from ..messages.close_codes import CloseCode
from ..messages.frame import Frame
from ..messages.sessions import (
    ANSWERS,
    Acknowledged,
    Answer,
    Interruption,
    JoinClass,
    ReadingProgress,
    RefusalCode,
    Refused,
    Request,
    Responded,
    Restored,
    parse,
)
from ..messages.wire import Arrival, Malformed
from ..sessions.model import Question, has
from ..sessions.registry import Sessions

TOUCH_S = 1.0


def begin_session(hub: Hub, sessions: Sessions, connection: Connection, _arrival: Arrival) -> Session:
    """Begin a conversation on `/ws/session/{client_id}`. A session has the name of its connection."""
    session = Session(hub, sessions, connection)
    sessions.begin(session)
    return session


def session_check(sessions: Sessions) -> Check:
    """Make the check of a handshake that refuses one session too many."""

    async def check(scope: Scope) -> None:
        if full := sessions.complaint_about_one_more(scope["path_params"]["client_id"]):
            raise HandshakeRefused(503, full, RETRY_AFTER_S, Reason.FULL)

    return check


def room_of(class_id: str) -> str:
    """Name the room of a class."""
    return f"{CLASS_ROOMS}{class_id}"


class Session:
    """A client, and the session that it speaks for."""

    __slots__ = (
        "_class_id",
        "_connection",
        "_early",
        "_hub",
        "_restored",
        "_sessions",
        "_touched_at",
        "id",
        "said_at",
        "unrestored",
    )

    def __init__(self, hub: Hub, sessions: Sessions, connection: Connection) -> None:
        self.id = connection.name
        self.said_at = asyncio.get_running_loop().time()
        self.unrestored = False
        self._hub = hub
        self._sessions = sessions
        self._connection = connection
        self._restored = False
        self._early: deque[Answer] = deque(maxlen=ANSWERS)  # came before we had said what is kept
        self._class_id: str | None = None
        self._touched_at = -TOUCH_S

    @property
    def identity(self) -> Identity:
        """Who speaks for the session."""
        return self._connection.identity

    def on_open(self) -> Sequence[Frame]:
        """Say nothing yet: what is kept has to be read first."""
        if self._connection.open:
            self._sessions.hold(self)
            self._connection.inbox.start(self.restore())
        return ()

    async def restore(self) -> None:
        """Say what is kept of the session, and then the answers that came meanwhile."""
        try:
            state = await self._sessions.states.restore(self.id)
        except BrokerUnavailable as error:
            if not self.unrestored:
                self._refuse("broker_unavailable", error)
            self.unrestored = True
            return
        self.unrestored = False
        self._restored = True
        if state is not None:
            self._connection.offer(Restored(payload=state).frame())
            if state.class_id is not None:
                self._enter(state.class_id)
        for answer in self._early:
            if state is None or not has(state, answer):
                self.hear(answer)
        self._early.clear()

    def hear(self, answer: Answer) -> None:
        """Tell the client an answer."""
        if self._restored:
            self._connection.offer(Responded.of(answer).frame())
        else:
            self._early.append(answer)

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the connection; the session goes on."""
        self._connection.close(code, reason)

    async def on_message(self, text: str) -> None:
        """Carry out one message."""
        self.said_at = asyncio.get_running_loop().time()
        self._sessions.spoke(self)
        try:
            await self._carry_out(parse(text))
        except Malformed as error:
            self._refuse("malformed", error)
        except BrokerUnavailable as error:
            self._refuse("broker_unavailable", error)
        await self._touch()

    def on_limited(self, text: str, limited: Limited) -> Frame:  # noqa: ARG002  # it has no id
        """Say that its client is too fast."""
        return Refused(code="rate_limited", detail=limited.detail, retry_after_s=limited.retry_after_s).frame()

    async def _carry_out(self, request: Request) -> None:
        match request:
            case Interruption(payload=payload):
                self._ask(payload.text)
            case ReadingProgress():
                await self._sessions.states.change(self.id, request)
            case JoinClass(class_id=class_id) if complaint := self._connection.complaint_about(
                "class room", room_of(class_id)
            ):
                self._refuse("malformed", complaint)
            case JoinClass(class_id=class_id) if not self._connection.identity.may_enter(room_of(class_id)):
                self._refuse("forbidden", f"the class {class_id!r} is not open to you")
            case JoinClass(class_id=class_id):
                await self._sessions.states.change(self.id, request)
                self._enter(class_id)

    def _ask(self, text: str) -> None:
        """Take a question, and acknowledge it in the same turn: before any work on it."""
        if not self._sessions.broker.available:
            raise BrokerUnavailable("the broker is away: the question was not taken")
        full = self._sessions.asking.take(Question(self.id, text))
        if full is not None:
            self._refuse("too_many_questions", full)
        else:
            self._connection.offer(Acknowledged(timestamp=datetime.now(UTC)).frame())

    def _enter(self, class_id: str) -> None:
        """Be in the room of a class, and no other; not once the connection is closed, for nobody would take it out."""
        if self._connection.open:
            if self._class_id is not None:
                self._hub.leave(self._connection, room_of(self._class_id))
            self._hub.join(self._connection, room_of(class_id))
            self._class_id = class_id

    async def _touch(self) -> None:
        """Note that the client is active, at most once a second; it is no matter if that fails."""
        if self.said_at - self._touched_at >= TOUCH_S and self._sessions.broker.available:
            self._touched_at = self.said_at
            with contextlib.suppress(BrokerUnavailable):
                await self._sessions.states.touch(self.id, datetime.now(UTC).isoformat())

    def _refuse(self, code: RefusalCode, detail: object) -> None:
        self._connection.offer(Refused(code=code, detail=str(detail)).frame())
