"""Who asks over HTTP, and how often an address may be wrong about it.

Owns the answers to whoever may not: 401, 403, and 429 before a token is looked at where its address has shown as many
wrong ones as it may. It may show them as fast as it may begin handshakes, in a bucket of their own: right ones take
nothing out of that. As with handshakes nobody on this machine is counted, and no trusted proxy. Refuses to know what a
token is (`access`), and which address counts (`address_limits`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from fastapi import Response
from fastapi.responses import JSONResponse
from starlette.types import Scope

from ..access.authorities import Unauthorized
from ..access.gate import Forbidden, Gate
from ..connections.address_limits import TOO_MANY, AddressLimits
from ..limits.addresses import Buckets
from ..limits.rate import Rate
from ..limits.tally import LimitReason, Tally


class WrongTokens:
    """How many wrong tokens each address has shown, against this `rate`. What is refused is counted in `tally`."""

    tell: Callable[[str, float], None] | None = None  # the other processes, that one was shown

    def __init__(self, rate: Rate, addresses: AddressLimits, tally: Tally) -> None:
        self._rate = rate
        self._buckets = Buckets(rate)
        self._addresses = addresses
        self._tally = tally

    def refuse(self, scope: Scope) -> Response | None:
        """Answer whoever comes from an address with too many of them; None: its token may be looked at."""
        address = self._addresses.address_of(scope)
        if address is None or (wait_s := self._buckets.wait_s(address, time.monotonic())) <= 0:
            return None
        detail = f"too many requests without a valid token from {address}: {self._rate}"
        self._tally.add(LimitReason.TOKENS, address, detail)
        again = {"Retry-After": f"{math.ceil(wait_s)}", "Connection": "close"}  # the body was not read
        return JSONResponse({"detail": detail}, TOO_MANY, again)

    def add(self, scope: Scope) -> None:
        """Count one."""
        address, now = self._addresses.address_of(scope), time.monotonic()
        if address is not None and self._buckets.wait_s(address, now) <= 0:  # others may have come in the meantime
            self._buckets.take(address, now)
            if self.tell is not None:
                self.tell(address, now)

    def empty(self, address: str) -> None:
        """Let an address wait, for it has shown too many elsewhere."""
        self._buckets.empty(address, time.monotonic())


async def pass_gate(gate: Gate, wrong: WrongTokens, scope: Scope) -> Response | None:
    """Note in the scope who asks; return the answer to whoever may not: 401, 403 or 429, with `detail`."""
    if gate.asks(scope) and (refusal := wrong.refuse(scope)) is not None:
        return refusal
    try:
        scope["identity"] = await gate.identify(scope)
    except Unauthorized as error:
        wrong.add(scope)
        return JSONResponse({"detail": str(error)}, 401, {"WWW-Authenticate": "Bearer"})
    except Forbidden as error:
        return JSONResponse({"detail": str(error)}, 403)
    return None
