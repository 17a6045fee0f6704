"""How fast somebody may publish over HTTP: as fast as a client may on its connection.

Owns who is counted, and the 429 before a body is read or its application asked. That is who asks, by the name that it
speaks in; of those without one, their addresses; and as with connections nobody on this machine, and no trusted proxy.
Refuses to know how fast that is (`limits.rate`), and what is published.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from ..access.identity import Identity
from ..connections.address_limits import AddressLimits
from ..limits.meters import Meters
from ..limits.tally import Tally

TOO_MANY = 429  # RFC 6585
SIZE = "content-length"


class PostRates:
    """The meters of those who publish. What is refused is counted in `tally`."""

    def __init__(self, meters: Meters | None, addresses: AddressLimits, tally: Tally) -> None:
        self._meters = meters
        self._addresses = addresses
        self._tally = tally

    async def take(self, request: Request) -> None:
        """Take one request, by the size that it declares or else by that of its body. Raises HTTPException (429)."""
        who, key = self._who(request)
        if self._meters is None or key is None:
            return
        meter = self._meters.of(key)
        size = int(request.headers[SIZE]) if SIZE in request.headers else len(await request.body())
        limited = meter.take(size, asyncio.get_running_loop().time())
        if limited is None:
            self._meters.keep(meter)
            return
        self._tally.add(limited.reason, who, limited.detail)
        again = {"Retry-After": f"{math.ceil(limited.retry_after_s)}", "Connection": "close"}  # the body was not read
        raise HTTPException(TOO_MANY, limited.detail, again)

    def _who(self, request: Request) -> tuple[str, str | None]:
        """Who asks, in words and as the key of a meter that no client of a WebSocket has; None: nobody is counted."""
        identity: Identity = request.scope["identity"]
        if (speaker := identity.speaker) is not None:
            return speaker, f"/{speaker}"
        address = self._addresses.address_of(request.scope)
        return address or "", address and f"//{address}"


def rated(rates: PostRates) -> type[APIRoute]:
    """A kind of route whose requests are taken by `rates` before anything of them is read."""

    class RatedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            serve = super().get_route_handler()

            async def serve_rated(request: Request) -> Response:
                await rates.take(request)
                return await serve(request)

            return serve_rated

    return RatedRoute
