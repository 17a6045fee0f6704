"""The HTTP requests of an application that knows nothing of draining.

Owns which of them the application answers: readiness and liveness are answered where it has nothing there, and an event
stream that begins in a drain is refused; and how long a request that is under way is waited for. Refuses to know what
a long response is told, which is in `response`.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from ..connections.asgi import ASGIApp, Message, Receive, Scope, Send
from ..connections.request_connection import RequestConnection
from .answers import refuse_request, respond
from .crowd import HANDLERS_END_S, Crowd
from .event_stream import accepts_events
from .response import Response

LOOK_EVERY_S = 0.1


class Requests:
    """Serves the requests of `app`."""

    def __init__(self, app: ASGIApp, crowd: Crowd) -> None:
        self._app = app
        self._crowd = crowd
        self._under_way: set[Response] = set()
        self._not_theirs: set[str] = set()

    async def serve(self, scope: Scope, receive: Receive, send: Send, raw: Send) -> None:
        """Serve one. `raw` is the server's own `send`, to which `send` leads."""
        if not self._crowd.serving and accepts_events(scope["headers"]):
            self._crowd.refused += 1
            await refuse_request(send)
            return
        response = Response(self._crowd, send, RequestConnection(raw), partial(self._crowd.word, scope))
        self._under_way.add(response)
        try:
            await response.serve(partial(self._answer, scope, receive))
        finally:
            self._under_way.discard(response)

    async def end(self) -> None:
        """Wait for those that are not counted and still have a client; then end what is left.

        Until the deadline, or an operator's force, but no less than handlers have to end. One that has only just begun
        is left to the server: most are answered in a moment, and a middleware around us takes an end for a crash.
        """
        loop = asyncio.get_running_loop()
        shutdown = self._crowd.shutdown
        until = shutdown.handlers_end_at if shutdown.forced else max(shutdown.deadline, shutdown.handlers_end_at)
        while self._waited_for() and loop.time() < until and not shutdown.take_force():
            await asyncio.sleep(LOOK_EVERY_S)
        for response in self._under_way:
            if loop.time() - response.began >= HANDLERS_END_S:
                response.abort()

    def _waited_for(self) -> bool:
        return any(not (response.counted or response.client_gone) for response in self._under_way)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        elif path == self._crowd.options.ready_path:
            await self._answer_readiness(scope, receive, send)
        elif path == self._crowd.options.health_path:
            shutdown = self._crowd.shutdown
            body = {"status": "ok", "phase": shutdown.phase, "connections": shutdown.remaining}
            await self._answer_where_nothing_is(scope, receive, send, body)
        else:
            await self._app(scope, receive, send)

    async def _answer_readiness(self, scope: Scope, receive: Receive, send: Send) -> None:
        """In a drain it is 503, whatever the application would say; before, its own answer stands."""
        if self._crowd.serving:
            await self._answer_where_nothing_is(scope, receive, send, {"status": "ready"})
        else:
            await refuse_request(send)

    async def _answer_where_nothing_is(self, scope: Scope, receive: Receive, send: Send, body: dict[str, Any]) -> None:
        """Let the application answer; a path that it answers with 404 gets `body`, and is ours from then on.

        Some log a line for each 404, and an orchestrator asks every few seconds.
        """
        if scope["path"] in self._not_theirs:
            await respond(send, 200, body)
            return
        missing = False

        async def look(message: Message) -> None:
            nonlocal missing
            missing = missing or message.get("status") == 404
            if not missing:
                await send(message)

        await self._app(scope, receive, look)
        if missing:
            self._not_theirs.add(scope["path"])
            await respond(send, 200, body)
