"""Clients of a process's sessions (students), and a store that can be away. Without sockets, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

from server.brokers.broker import BrokerUnavailable
from server.brokers.memory import MemoryStore
from server.connections.admission import Begin
from server.connections.connection import Connection
from server.connections.terms import Limits
from server.endpoints.session import begin_session
from server.hub import Hub
from server.messages.wire import Arrival
from server.sessions.registry import Sessions
from tests.server.peers import InMemoryServer, Peer

ROOMY = Limits(outbox_bytes=1_000_000, inbox_messages=64, message_bytes=65536, close_timeout_s=10)
ALL_SETTLED_S = 0.2


class Store(MemoryStore):
    """A store that several processes share. `away`: it does not answer. `questions`: those put on the stream."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.written: list[tuple[str, dict[str, Any], float]] = []
        self.questions: list[Mapping[str, str]] = []

    def _answers(self) -> None:
        if self.away:
            raise BrokerUnavailable("the broker is away, on purpose")

    async def get(self, key: str) -> dict[str, Any] | None:
        await asyncio.sleep(0)
        self._answers()
        return await super().get(key)

    async def set(self, key: str, value: Mapping[str, Any], ttl_s: float) -> None:
        await asyncio.sleep(0)
        self._answers()
        self.written.append((key, dict(value), ttl_s))
        await super().set(key, json.loads(json.dumps(value)), ttl_s)

    async def append(self, stream: str, entry: Mapping[str, str]) -> None:
        await asyncio.sleep(0)
        self._answers()
        if stream == "student_questions":
            self.questions.append(entry)
        await super().append(stream, entry)

    async def answer(self, session_id: str, response: str) -> None:
        """Answer, as the answering program does."""
        await self.append("llm_responses", {"session_id": session_id, "response": response})

    async def state(self, session_id: str) -> dict[str, Any] | None:
        return await super().get(f"session:{session_id}")


class Student(Peer):
    """A client of the session protocol."""

    def __init__(self, session_id: str = "s-1") -> None:
        super().__init__()
        self.session_id = session_id

    def asks(self, text: str) -> None:
        self.says("STUDENT_INTERRUPTION", payload={"questionText": text})

    def reads(self, **progress: Any) -> None:
        self.says("READING_PROGRESS", payload=progress)

    def says(self, kind: str, **fields: Any) -> None:
        self.say(json.dumps({"type": kind, **fields}))

    def received(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.envelopes if each["type"] == kind]

    @property
    def kinds(self) -> list[str]:
        return [each["type"] for each in self.envelopes]

    @property
    def responses(self) -> list[str]:
        return [each["payload"]["response"] for each in self.received("INTERRUPTION_RESPONSE")]


class SessionServer(InMemoryServer):
    """One process that serves sessions."""

    path = "/ws/session/{client_id}"

    def __init__(self, store: Store, ttl_s: float = 300, idle_timeout_s: float = 0) -> None:
        super().__init__(limits=ROOMY)
        self.broker.store = self.store = store
        self.sessions = Sessions(self.broker, ttl_s, idle_timeout_s)

    async def enter(self, student: Student) -> Connection:
        """Let a student connect; return when it has got its stored state."""
        connection = await self.connect(student, student.session_id)
        await settled()
        return connection

    def break_down(self) -> None:
        """Lose the broker."""
        self.store.away, self.broker.available = True, False

    def mend(self) -> None:
        """Get the broker back."""
        self.store.away, self.broker.available = False, True

    @property
    def begin(self) -> Begin:
        return partial(self._begin, self.hub)

    def _begin(self, hub: Hub, connection: Connection, arrival: Arrival) -> Any:
        return begin_session(hub, self.sessions, connection, arrival)


@contextlib.asynccontextmanager
async def serving(*servers: SessionServer) -> AsyncIterator[None]:
    """Let processes serve their sessions."""
    async with contextlib.AsyncExitStack() as stack:
        for server in servers:
            await stack.enter_async_context(server.sessions.serving())
        await settled()
        yield


async def settled() -> None:
    """Return when everything has happened that does not wait for time to pass."""
    await asyncio.sleep(ALL_SETTLED_S)
