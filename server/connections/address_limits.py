"""How much one address may have of this process, and of those that share its broker, as a handshake shows it.

Owns which address a handshake comes from, the 429 that answers it, and the count of its connections. An address is None
where nobody is counted. Refuses to know when a handshake is looked at (see `admission`), and how much is how much
(`limits.addresses`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ..limits.addresses import Addresses, Network, TooMuch, client_address
from ..limits.rate import Rate
from ..limits.tally import Tally
from .asgi import Scope
from .refusal import HandshakeRefused, Reason

FORWARDED = b"x-forwarded-for"
TOO_MANY = 429  # RFC 6585


class AddressLimits:
    """The limits of `addresses`, which are seen through the `proxies`; what they refuse is counted in `tally`."""

    tell: Callable[[str, float], None] | None = None  # the other processes, that a handshake was let through
    here: Callable[[str, int], None] | None = None  # tells them how many connections an address has now

    def __init__(self, addresses: Addresses, proxies: tuple[Network, ...], tally: Tally) -> None:
        self.addresses = addresses
        self._proxies = proxies
        self._tally = tally

    def ask(self, scope: Scope) -> str | None:
        """Take one handshake; return the address that it counts for. Raises HandshakeRefused."""
        if not self.addresses.limited:
            return None
        address = self.address_of(scope)
        if address is not None:
            now = time.monotonic()
            self._refuse(address, self.addresses.ask(address, now))
            if self.tell is not None:
                self.tell(address, now)
        return address

    def address_of(self, scope: Scope) -> str | None:
        """The address that a request or a handshake counts for."""
        client, headers = scope.get("client"), scope["headers"] if self._proxies else ()
        said = tuple([value.decode("latin-1") for name, value in headers if name == FORWARDED])
        return client_address(client[0] if client else None, said, self._proxies)

    def empty(self, address: str) -> None:
        """Let an address wait, for it has used up elsewhere what it may have."""
        self.addresses.empty(address, time.monotonic())

    def check(self, address: str | None) -> None:
        """Raise HandshakeRefused where an address has as many connections as it may."""
        if address is not None:
            self._refuse(address, self.addresses.full(address))

    def enter(self, address: str | None) -> None:
        """Count a connection in."""
        if address is not None:
            there = self.addresses.enter(address)
            if self.here is not None:
                self.here(address, there)

    def leave(self, address: str | None) -> None:
        """Count a connection out."""
        if address is not None:
            left = self.addresses.leave(address)
            if self.here is not None:
                self.here(address, left)

    def _refuse(self, address: str, too_much: TooMuch | None) -> None:
        if too_much is not None:
            self._tally.add(too_much.reason, address, too_much.detail)
            retry_after_s = math.ceil(too_much.retry_after_s)
            raise HandshakeRefused(TOO_MANY, too_much.detail, retry_after_s, Reason.LIMITED)


NO_LIMITS = AddressLimits(Addresses(0, Rate(0, 0)), (), Tally())
