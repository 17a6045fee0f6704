"""The gate: every request and every handshake passes it before any handler is reached.

Owns the order of the questions: from which page (403), who is it (401). What somebody may do then, `identity` says.
Refuses to know what lies behind it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from .authorities import Authority, Unauthorized
from .credentials import token_of
from .expiry import Bearer, Expiry
from .identity import ANYBODY, Identity
from .origins import refusal_of

Scope = MutableMapping[str, Any]
Authorize = Callable[[Scope], Awaitable[Identity | None]]

NEEDED = "a token is needed: Authorization: Bearer TOKEN, or the subprotocol bearer.TOKEN"
ALWAYS_PUBLIC = ("/", "/health", "/ready", "/page/")
PUBLIC_BY_NAME = {"metrics": ("/metrics",), "docs": ("/docs", "/docs/", "/openapi.json")}
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class Forbidden(Exception):
    """Somebody may not do this. Says what."""


class Gate:
    """Asks who somebody is. Without `authorize` everybody is let in, from allowed pages.

    `origins` are those of pages beside the server's own, or `*`; `public` names what needs no token: metrics, docs.
    Clients are warned `warning_s` before their tokens expire.
    """

    def __init__(
        self,
        authorize: Authorize | None = None,
        origins: Collection[str] = (),
        public: Collection[str] = (),
        warning_s: float = 60.0,
    ) -> None:
        self.expiry = Expiry(warning_s)
        self._authorize = authorize
        self._origins = origins
        self._public = ALWAYS_PUBLIC + tuple(path for name in public for path in PUBLIC_BY_NAME[name])

    @property
    def guarded(self) -> bool:
        """Whether anybody is asked who they are."""
        return self._authorize is not None

    def asks(self, scope: Scope) -> bool:
        """Whether somebody has to say who it is."""
        return self._authorize is not None and not self._is_public(scope)

    def let_in(self, scope: Scope) -> Identity | None:
        """Say who it is where nobody is asked; None: `identify` asks. Raises Forbidden for a page that may not ask."""
        if scope.get("method") not in SAFE_METHODS and (refusal := refusal_of(scope["headers"], self._origins)):
            raise Forbidden(refusal)
        return ANYBODY if self._authorize is None or self._is_public(scope) else None

    async def identify(self, scope: Scope) -> Identity:
        """Say who it is. Raises Forbidden for a page that may not ask, Unauthorized for whoever is not known."""
        identity = self.let_in(scope)
        if identity is None and self._authorize is not None:
            identity = await self._authorize(scope)
        if identity is None:
            raise Unauthorized(NEEDED)
        return identity

    async def renew(self, bearer: Bearer, token: str) -> float | None:
        """Let a connected client show a new token; return in how many seconds it expires, None for never.

        Raises Unauthorized for one that is worth nothing, or is somebody else's.
        """
        headers = [(b"authorization", b"Bearer " + token.encode())]
        scope = {"type": "websocket", "path": "", "method": "GET", "query_string": b"", "headers": headers}
        identity = await self.identify(scope)
        if identity.subject != bearer.identity.subject:
            raise Unauthorized("the token is somebody else's")
        bearer.identity = identity
        self.expiry.watch(bearer)
        return None if identity.expires_at is None else identity.expires_at - time.time()

    def _is_public(self, scope: Scope) -> bool:
        path = scope["path"]
        return scope["type"] == "http" and any(
            path.startswith(each) if each.endswith("/") and each != "/" else path == each for each in self._public
        )


def by_token(authority: Authority) -> Authorize:
    """Let `authority` check the token that a request or a handshake shows."""

    async def authorize(scope: Scope) -> Identity | None:
        token = token_of(scope["headers"], scope.get("subprotocols", ()))
        return None if token is None else await authority(token)

    return authorize
