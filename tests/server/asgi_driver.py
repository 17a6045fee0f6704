"""Drives an ASGI application as a server does, in memory."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from starlette.types import ASGIApp, Message, Scope


class Driver:
    """One scope under a server in memory: what is put into `incoming` is received, what is sent is in `sent`."""

    def __init__(self, app: ASGIApp, **scope: Any) -> None:
        self.sent: list[Message] = []
        self.incoming: asyncio.Queue[Message] = asyncio.Queue()
        self.holds_writes = asyncio.Event()
        self.holds_writes.set()
        self.scope: Scope = scope
        self.task = asyncio.ensure_future(app(self.scope, self.incoming.get, self._send))

    async def _send(self, message: Message) -> None:
        if message["type"] in ("websocket.send", "http.response.body"):
            await self.holds_writes.wait()
        self.sent.append(message)
        if message["type"] == "websocket.close":
            self.put("websocket.disconnect", code=1005)

    def put(self, kind: str, **more: Any) -> None:
        self.incoming.put_nowait({"type": kind, **more})

    def say(self, text: str) -> None:
        self.put("websocket.receive", text=text)

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent if message["type"] == "http.response.body")

    @property
    def complete(self) -> bool:
        """Whether a response was ended properly."""
        return self.sent[-1]["type"] == "http.response.body" and not self.sent[-1].get("more_body")

    @property
    def texts(self) -> list[str]:
        return [message["text"] for message in self.sent if message["type"] == "websocket.send"]


def websocket(app: ASGIApp, query: bytes = b"") -> Driver:
    extensions: dict[str, Any] = {"websocket.http.response": {}}
    driver = Driver(app, type="websocket", path="/ws", query_string=query, extensions=extensions)
    driver.put("websocket.connect")
    return driver


def request(app: ASGIApp, path: str = "/", method: str = "GET", **headers: str) -> Driver:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Driver(app, type="http", method=method, path=path, headers=raw)


async def get(app: ASGIApp, path: str) -> tuple[int, dict[str, Any]]:
    driver = request(app, path)
    await driver.task
    body = driver.sent[1]["body"]
    return driver.sent[0]["status"], json.loads(body) if body else {}
