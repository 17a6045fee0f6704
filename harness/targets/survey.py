"""The survey: a target is started alone, asked what it has, and stopped with nobody connected.

Owns the order of the questions and the record of the calm stop. Refuses to know what follows from the answers
(`findings`) and whether the stop was a good one (`harness.clauses`). Source: the drain contract, *The calm stop is the
baseline*.

Rules. A path counts where the target answers it otherwise than a path that nobody has. A client counts as let in where
it still stands a moment after its handshake. What the target prints while it is asked about things that it does not
have is the harness's doing: the history of the calm stop begins with the signal.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from ..clients.client import Client
from ..clients.dialects import Answer, Heard, Reading
from ..clients.mix import ClientFactory, ClientMix
from ..clients.objections import explain
from ..clients.personas import NORMAL_CLOSURE
from ..history.record import History
from ..history.terms import environment_of, terms_of
from ..probes.http import Reply, fetch
from .declaration import Ask, Profile
from .findings import BROADCAST_PATHS, HTTP_PATHS, WS_PATHS, CalmStop, Findings, Hearing, marker_in, why_nobody_got_in
from .talk import token_of
from .target import Target, TargetFailed

LOOK_EVERY_S = 0.02
STANDS_AFTER_S = 0.2  # a server that lets in and then objects does so in the same turn
HEARD_WITHIN_S = 1.0
QUIET_FOR_S = 0.25
SHAKES_HANDS_WITHIN_S = 2.0
EXITS_WITHIN_S = 15.0
CLIENTS = 16  # connected at once: that all land in one of several processes is unlikely
SILENT_ROUTES = 3  # a server that leaves so many requests without an answer has no HTTP, and is up


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


async def survey(profile: Profile, ask: Ask) -> tuple[Findings, History]:
    """What the target has and how it stops; the history is that of the calm stop, with the terms that follow from it.

    Raises TargetFailed when it does not come up, or exits while it is asked.
    """
    history = History(terms_of(profile, ask, 1.0))
    asked = profile.changed(ready=None)
    async with Target(asked, history, environment_of(history.terms)) as target:
        await _until_it_answers(target, profile)
        asking = _Asking(profile, ask, target)
        await asking.everything()
        target.note_children()
        await target.must_run("while it was asked what it has")
        stop = await _stop_calmly(target, history)
    findings = asking.findings(stop)
    return findings, _of_the_stop(history, findings.profile, ask)


async def _until_it_answers(target: Target, profile: Profile) -> None:
    """Wait for the first answer to HTTP: a port may accept connections before anybody serves them."""
    patience_ends = time.monotonic() + profile.startup_timeout_s
    silent = 0
    while time.monotonic() < patience_ends and silent < SILENT_ROUTES:
        reply = await fetch(target.port, profile.ready or "/")
        if reply.status is not None or reply.error == "not HTTP":
            return
        silent += reply.error == "timeout"
        await asyncio.sleep(LOOK_EVERY_S)


class _Asking:
    """What has been asked, and answered, so far."""

    def __init__(self, profile: Profile, ask: Ask, target: Target) -> None:
        self._profile = profile
        self._ask = ask
        self._target = target
        self._paths: dict[str, str | None] = {}
        self._tried: dict[str, dict[str, str]] = {}
        self._hearing: Hearing | None = None
        self._closed_with: str | None = None
        self._objection: str | None = None

    def findings(self, stop: CalmStop) -> Findings:
        objection = self._objection
        if self._paths["ws"] is None:
            objection = why_nobody_got_in(self._tried["ws"])
        return Findings(self._profile, self._paths, self._tried, self._hearing, stop, self._closed_with, objection)

    async def everything(self) -> None:
        """Paths first; then some clients, one of which says something."""
        await self._ask_for_routes()
        await self._ask_for_the_websocket()
        if (path := self._paths["ws"]) is None:
            return
        clients = [self._client(number, path) for number in range(CLIENTS)]
        await asyncio.gather(*(each.connect(self._target.port, timeout_s=SHAKES_HANDS_WITHIN_S) for each in clients))
        await self._let_one_speak(*clients)
        await self._ask_for_a_broadcast(clients)
        for client in clients:
            client.leave(NORMAL_CLOSURE)
        await _until(lambda: all(client.ended for client in clients), HEARD_WITHIN_S)
        for client in clients:
            client.tear_down()

    async def _ask_for_routes(self) -> None:
        nowhere = await fetch(self._target.port, f"/{secrets.token_hex(8)}")
        for name, candidates in HTTP_PATHS.items():
            declared: str | None = getattr(self._profile, name)

            async def answers(path: str) -> tuple[bool, str]:
                reply = await fetch(self._target.port, path)
                return _is_a_route(reply, nowhere), _said(reply)

            await self._try(name, candidates, declared, answers)

    async def _ask_for_the_websocket(self) -> None:
        await self._try("ws", WS_PATHS, self._profile.ws, self._lets_in)

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

    async def _let_one_speak(self, speaker: Surveyor, *others: Surveyor) -> None:
        speaker.say()
        token = Heard(speaker.name, 0)

        def everybody_heard() -> bool:
            return all(client.heard_of(token) for client in (speaker, *others))

        await _until(lambda: everybody_heard() or speaker.ended, HEARD_WITHIN_S)
        await asyncio.sleep(QUIET_FOR_S)  # a second copy for the sender comes right after the first
        heard = sum(other.heard_of(token) > 0 for other in others)
        self._hearing = Hearing(speaker.heard_of(token), heard, len(others))
        if speaker.ended and not self._hearing.sender:
            self._closed_with = _how_it_ended(speaker)
            events = [*speaker.history.events, *self._target.history.events]
            self._objection = explain(events, {speaker.name}, 1 + len(others))

    def _client(self, number: int, path: str) -> Surveyor:
        profile = self._profile.changed(ws=path)
        history = History(terms_of(profile, self._ask, 1.0))
        return ClientFactory(profile, self._ask, ClientMix(), history).listener(Surveyor, f"survey-{number}")


def _is_a_route(reply: Reply, nowhere: Reply) -> bool:
    """Whether it is there: it is answered 200, and not with what any path is answered."""
    return reply.status == 200 and (nowhere.status != 200 or reply.body != nowhere.body)


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


async def _stop_calmly(target: Target, history: History) -> CalmStop:
    began = time.monotonic()
    target.signal(signal.SIGTERM)
    if await target.until_exit(EXITS_WITHIN_S):
        await target.look_behind()
    else:
        history.record(time.monotonic(), "harness", "mark", name="gave up waiting")
        await target.look_behind()
        await target.kill()
    exited = [event for event in history.events if event.what == "exited"]
    gave_up = any(event.what == "mark" for event in history.events)
    printed = [event for event in history.events if event.what == "line"]
    after = [event.detail["text"] for event in printed if event.t >= began]
    marker = marker_in(after)
    shutdowns = sum(marker in line for line in after) if marker else 0
    if gave_up or not exited:
        return CalmStop(None, None, len(printed), marker, shutdowns)
    return CalmStop(exited[0].t - began, target.status, len(printed), marker, shutdowns)


def _of_the_stop(survey: History, found: Profile, ask: Ask) -> History:
    """The calm stop alone, judged by what was found."""
    history = History(terms_of(found, ask, 1.0))
    asked_at = min((event.t for event in survey.events if event.what == "ready"), default=0.0)
    for t, who, what, detail in survey.events:
        if what != "line" or t <= asked_at or (survey.t0 is not None and t >= survey.t0):
            history.record(t, who, what, **detail)
    return history


__all__ = ["TargetFailed", "survey"]
