"""The few answers that are not the application's."""

from __future__ import annotations

import json
from typing import Any

from ..connections.asgi import Send
from ..connections.refusal import RETRY_AFTER_S


async def refuse_request(send: Send) -> None:
    """Answer that this server drains, and when to come again."""
    await respond(send, 503, {"status": "draining"}, [(b"retry-after", b"%d" % RETRY_AFTER_S)])


async def respond(
    send: Send, status: int, body: dict[str, Any], headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    """Answer with JSON."""
    content = json.dumps(body).encode()
    about = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content)), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": about})
    await send({"type": "http.response.body", "body": content})
