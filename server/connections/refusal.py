"""A handshake that is refused.

Owns the HTTP error that answers it, and how long its connection is stayed with. Refuses to know why it is refused.
"""

from __future__ import annotations

from enum import StrEnum

from .asgi import Message, Receive, Scope, Send
from .transport import Tcp

RETRY_AFTER_S = 1


class Reason(StrEnum):
    """Why a handshake is refused.

    The process drains; it has as many connections as it may; the address has had as much as it may; nobody knows who
    asks (401); who asks may not (403); what is asked for cannot be read; an application's own check said no.
    """

    DRAINING = "draining"
    FULL = "full"
    LIMITED = "limited"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    MALFORMED = "malformed"
    DENIED = "denied"


class HandshakeRefused(Exception):
    """A handshake is answered with an HTTP error: its status, and its text as `detail`."""

    def __init__(
        self, status: int, detail: str, retry_after_s: int | None = None, reason: Reason = Reason.DENIED
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.retry_after_s = retry_after_s
        self.reason = reason


def shutting_down() -> HandshakeRefused:
    """The refusal of a newcomer in a drain: it may try again at once, elsewhere."""
    return HandshakeRefused(503, "this server is shutting down", RETRY_AFTER_S, Reason.DRAINING)


async def refuse(scope: Scope, tcp: Tcp, receive: Receive, send: Send, refusal: HandshakeRefused) -> None:
    """Answer a handshake with an HTTP error. Stays until the client is gone, or uvicorn logs an ERROR for it."""
    if await answer(scope, send, refusal):
        while (await receive())["type"] != "websocket.disconnect":
            pass
        await tcp.lost


async def answer(scope: Scope, send: Send, refusal: HandshakeRefused) -> bool:
    """Send the HTTP error; say whether the client was told which.

    A server without the extension for it (gunicorn's `asgi` worker, daphne) answers 403, the one thing it can be told.
    """
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close"})
        return False
    body = f"{refusal}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refusal.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after_s))
    messages: list[Message] = [
        {"type": "websocket.http.response.start", "status": refusal.status, "headers": headers},
        {"type": "websocket.http.response.body", "body": body},
    ]
    for message in messages:
        await send(message)
    return True
