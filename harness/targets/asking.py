"""What a target has, asked while it runs: its paths, its WebSocket, and who hears what a client says.

Owns the order of the questions, and what is tried where the first attempt fails: a browser's origin, the protocols that
are shipped, and JSON in place of plain text. Refuses to know how the target was started and is stopped (`survey`), and
what follows from the answers (`findings`).

Rules. A path counts where the target answers it otherwise than a path that nobody has. A client counts as let in where
it still stands a moment after its handshake.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from ..clients.client import Client
from ..clients.dialects import Answer, Heard, Reading
from ..clients.mix import ClientFactory, ClientMix
from ..clients.objections import explain
from ..clients.personas import NORMAL_CLOSURE
from ..history.record import History
from ..history.terms import terms_of
from ..probes.http import Reply, fetch
from .declaration import Ask, Profile
from .findings import (
    AS_JSON,
    BROADCAST_PATHS,
    HTTP_PATHS,
    ORIGIN,
    PROTOCOL_PATHS,
    WS_PATHS,
    CalmStop,
    Findings,
    Hearing,
    why_nobody_got_in,
)
from .talk import Talk, token_of
from .talks import TALKS, table_of
from .target import Target

LOOK_EVERY_S = 0.02
STANDS_AFTER_S = 0.2  # a server that lets in and then objects does so in the same turn
HEARD_WITHIN_S = 1.0
SUBSCRIBED_WITHIN_S = 0.5  # after which a text is said again that not everybody heard
QUIET_FOR_S = 0.25
SHAKES_HANDS_WITHIN_S = 2.0
CLIENTS = 16  # connected at once: that all land in one of several processes is unlikely


class Surveyor(Client):
    """A client that counts what it hears."""

    persona = "survey"

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]  # handed on as they came
        self.tokens: Counter[Heard] = Counter()

    def note(self, now: float, reading: Reading) -> None:
        """Count it."""
        match reading:
            case Heard():
                self.tokens[reading] += 1
            case Answer(n):
                self.tokens[Heard(self.name, n)] += 1
        super().note(now, reading)

    def heard_of(self, token: Heard) -> int:
        """How often a token came."""
        return self.tokens[token]


class Spoken(NamedTuple):
    """What came of a client's first text: who heard it, and how the target ended the connection for it, if it did."""

    hearing: Hearing
    closed_with: str | None = None
    objection: str | None = None


class Asking:
    """What has been asked, and answered, so far. `_ways`: what clients do beside saying plain text, to be let in."""

    def __init__(self, profile: Profile, ask: Ask, target: Target) -> None:
        self._profile = profile
        self._ask = ask
        self._target = target
        self._paths: dict[str, str | None] = {}
        self._tried: dict[str, dict[str, str]] = {}
        self._spoken: Spoken | None = None
        self._ways: dict[str, Any] = {}

    def findings(self, stop: CalmStop) -> Findings:
        """All answers, with how the target stopped after that."""
        talk = Talk(**self._ways) if self._ways else None
        if self._paths["ws"] is None:
            objection = why_nobody_got_in(self._tried["ws"])
            return Findings(self._profile, self._paths, self._tried, None, stop, objection=objection)
        assert self._spoken is not None, "one speaks where clients are let in"
        return Findings(self._profile, self._paths, self._tried, self._spoken.hearing, stop, *self._spoken[1:], talk)

    async def everything(self) -> None:
        """Paths first; then some clients, one of which says something."""
        await self._ask_for_routes()
        await self._ask_for_the_websocket()
        if (path := self._paths["ws"]) is None:
            return
        clients = await self._connect(path)
        self._spoken = await self._let_one_speak(*clients)
        undeclared = not {"talk", "dialect"} & self._profile.model_fields_set
        if self._spoken.hearing.dialect == "silent" and undeclared and "say" not in self._ways:
            clients = await self._say_it_in_json(path, clients)
        await self._ask_for_a_broadcast(clients)
        for client in clients:
            client.leave(NORMAL_CLOSURE)
        await _until(lambda: all(client.ended for client in clients), HEARD_WITHIN_S)
        _tear_down(clients)

    async def _ask_for_routes(self) -> None:
        nowhere = [await fetch(self._target.port, f"/{secrets.token_hex(8)}") for _ in range(2)]
        for name, candidates in HTTP_PATHS.items():
            declared: str | None = getattr(self._profile, name)

            async def answers(path: str) -> tuple[bool, str]:
                reply = await fetch(self._target.port, path)
                is_it = is_a_route(reply, *nowhere)
                return is_it, f"{_said(reply)}{' as anywhere' if reply.status == 200 and not is_it else ''}"

            await self._try(name, candidates, declared, answers)

    async def _ask_for_the_websocket(self) -> None:
        """As any client; where that is forbidden as a browser, which says its origin; at last in a known protocol."""
        await self._try("ws", WS_PATHS, self._profile.ws, self._lets_in)
        without = self._tried.get("ws", {})
        if self._paths["ws"] is None and "403" in without.values() and self._profile.talk is None:
            self._ways["headers"], self._tried["ws"] = ORIGIN, {}
            await self._try("ws", WS_PATHS, self._profile.ws, self._lets_in)
            if self._paths["ws"] is None:
                self._tried["ws"] = without
        if self._paths["ws"] is None and self._profile.talk is None:
            await self._ask_for_a_protocol()

    async def _ask_for_a_protocol(self) -> None:
        """Try the clients of each protocol that is shipped, where servers put it, until one is let in."""
        for name in TALKS:
            self._ways = table_of(name)
            for path in (self._ways["path"], *PROTOCOL_PATHS.get(name, ())):
                is_in, said = await self._lets_in(path)
                if is_in:
                    self._paths["ws"], self._tried["ws"][path] = path, f"{said} as {name}"
                    return
        self._ways = {}

    async def _ask_for_a_broadcast(self, hearers: Sequence[Surveyor]) -> None:
        async def is_heard(path: str) -> tuple[bool, str]:
            token = Heard("survey", secrets.randbelow(10**6))
            body = json.dumps({"data": token_of(*token)}).encode()
            reply = await fetch(self._target.port, path, body=body)
            if reply.status is None or not 200 <= reply.status < 300:
                return False, _said(reply)
            heard = await _until(lambda: all(hearer.heard_of(token) for hearer in hearers), HEARD_WITHIN_S)
            return heard, f"{_said(reply)} and {'heard' if heard else 'not heard'}"

        await self._try("broadcast", BROADCAST_PATHS, self._profile.broadcast, is_heard)

    async def _try(
        self,
        name: str,
        candidates: tuple[str, ...],
        declared: str | None,
        ask: Callable[[str], Awaitable[tuple[bool, str]]],
    ) -> None:
        """Try the candidates until one is it; a path that is declared is taken as it is."""
        if name in self._profile.model_fields_set:
            self._paths[name] = declared
            return
        self._paths[name], tried = None, self._tried.setdefault(name, {})
        for path in candidates:
            is_it, tried[path] = await ask(path)
            if is_it:
                self._paths[name] = path
                return

    async def _lets_in(self, path: str) -> tuple[bool, str]:
        client = self._client(1, path)
        try:
            if not await client.connect(self._target.port, timeout_s=SHAKES_HANDS_WITHIN_S):
                return False, _why_not_let_in(client)
            if not await _until(lambda: client.ended, STANDS_AFTER_S):
                return True, "101"
            return False, f"101, and then {_how_it_ended(client)}"
        finally:
            client.tear_down()

    async def _connect(self, path: str) -> list[Surveyor]:
        clients = [self._client(number, path) for number in range(CLIENTS)]
        await asyncio.gather(*(each.connect(self._target.port, timeout_s=SHAKES_HANDS_WITHIN_S) for each in clients))
        return clients

    async def _let_one_speak(self, speaker: Surveyor, *others: Surveyor) -> Spoken:
        """A text, and another where not everybody heard the first: a broker may let in first and subscribe later."""
        hearing = await self._say_once(speaker, others, SUBSCRIBED_WITHIN_S)
        if not (speaker.ended or (hearing.sender and hearing.broadcasts)):
            again = await self._say_once(speaker, others, HEARD_WITHIN_S)
            hearing = max(hearing, again, key=lambda each: (each.others, each.sender))
        if not speaker.ended or hearing.sender:
            return Spoken(hearing)
        events = [*speaker.history.events, *self._target.history.events]
        return Spoken(hearing, _how_it_ended(speaker), explain(events, {speaker.name}, 1 + len(others)))

    async def _say_once(self, speaker: Surveyor, others: Sequence[Surveyor], within_s: float) -> Hearing:
        token = Heard(speaker.name, speaker.said)
        speaker.say()
        await _until(lambda: all(each.heard_of(token) for each in (speaker, *others)) or speaker.ended, within_s)
        await asyncio.sleep(QUIET_FOR_S)  # a second copy for the sender comes right after the first
        return Hearing(speaker.heard_of(token), sum(other.heard_of(token) > 0 for other in others), len(others))

    async def _say_it_in_json(self, path: str, silent: list[Surveyor]) -> list[Surveyor]:
        """Other clients say the same in JSON; those who count from now on are they, or the first if it changes nothing.

        Whoever talks JSON may be closed for plain text, or not be heard.
        """
        self._ways["say"] = AS_JSON
        clients = await self._connect(path)
        spoken = await self._let_one_speak(*clients)
        if spoken.hearing.dialect != "silent":
            self._spoken = spoken
        else:
            del self._ways["say"]
            silent, clients = clients, silent
        _tear_down(silent)
        return clients

    def _client(self, number: int, path: str) -> Surveyor:
        talk = {"talk": Talk(**self._ways)} if self._ways else {}
        profile = self._profile.changed(ws=path, **talk)
        history = History(terms_of(profile, self._ask, 1.0))
        return ClientFactory(profile, self._ask, ClientMix(), history).listener(Surveyor, f"survey-{number}")


def _tear_down(clients: Sequence[Surveyor]) -> None:
    for client in clients:
        client.tear_down()


def is_a_route(reply: Reply, nowhere: Reply, elsewhere: Reply) -> bool:
    """Whether it is there: it is answered 200, and not as two paths that nobody has are.

    Where each of these has a page of its own (with an id of the session, say), no page tells that a path is there.
    """
    if reply.status != 200 or nowhere.status != 200:
        return reply.status == 200
    return nowhere.body == elsewhere.body != reply.body


def _said(reply: Reply) -> str:
    return str(reply.status if reply.status is not None else reply.error)


def _why_not_let_in(client: Client) -> str:
    """The status of the answer to its handshake, or what came instead."""
    ends = [event.detail for event in client.history.events if event.what in ("refused", "failed", "not_let_in")]
    return str(next(filter(None, map(ends[-1].get, ("status", "error", "reason"))))) if ends else "no answer"


def _how_it_ended(client: Client) -> str:
    closes = [event.detail["code"] for event in client.history.events if event.what == "close_received"]
    return f"a close with {closes[0]}" if closes else "the end of the connection"


async def _until(condition: Callable[[], object], within_s: float) -> bool:
    patience_ends = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > patience_ends:
            return False
        await asyncio.sleep(LOOK_EVERY_S)
    return True
