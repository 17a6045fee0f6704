"""From which address a client comes, and how much one address may take: connections, and handshakes a second. Pure.

Time is an argument, in seconds. What a proxy says of an address (`X-Forwarded-For`) counts only where an operator has
named the proxy; read from the right, for each proxy adds what it has seen itself, and what stands to the left of that
anybody may have written. Of IPv6 a whole /64 counts as one address, for whoever has one has all of it. Nobody on this
machine is counted, nor a proxy that is named.

Refuses to know scopes and answers. Nothing is kept of an address without connections once its bucket is full.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from .rate import Rate

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SITE_BITS = 64  # of IPv6, which one site has: RFC 6177
WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d+)?|([\d.]+):\d+")  # RFC 7239 section 6, as some write it here, too


class TooMuch(NamedTuple):
    """What an address may not have, and in how many seconds it may ask again."""

    reason: str
    detail: str
    retry_after_s: float


def networks_of(text: str) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas. Raises ValueError for what is none."""
    return tuple(ip_network(each.strip()) for each in text.split(","))


@lru_cache(maxsize=1024)
def client_address(peer: str | None, forwarded: tuple[str, ...], proxies: tuple[Network, ...]) -> str | None:
    """Say which address counts, where `peer` has connected and has said `forwarded`, in the order of its headers.

    None: nobody is counted. That is who is on this machine, a proxy of ours, and whoever cannot be told.
    """
    for said in (peer, *reversed([each.strip() for header in forwarded for each in header.split(",")])):
        address = None if said is None else _read(said)
        if address is None:
            return None
        if not any(address in network for network in proxies):
            return None if address.is_loopback else _counted(address)
    return None


@lru_cache(maxsize=1024)
def _read(text: str) -> Address | None:
    if (found := WITH_PORT.fullmatch(text)) is not None:
        text = found[1] or found[2]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _counted(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((address, SITE_BITS), strict=False))


class Buckets:
    """What each address has taken at one `rate`. Nothing is kept of one whose bucket is full."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._full_at: OrderedDict[str, float] = OrderedDict()  # the one that took last is last

    @property
    def addresses(self) -> Collection[str]:
        """Those of which something is kept."""
        return self._full_at.keys()

    def wait_s(self, address: str, now: float) -> float:
        """In how many seconds an address may take one more; 0 or less: now."""
        while self._full_at and next(iter(self._full_at.values())) <= now:
            self._full_at.popitem(last=False)
        return self._before(address, now) + self._rate.each_s - self._rate.burst_s - now

    def take(self, address: str, now: float) -> None:
        """Take one."""
        self._full_at[address] = self._before(address, now) + self._rate.each_s
        self._full_at.move_to_end(address)

    def empty(self, address: str, now: float) -> None:
        """Take out whatever is in the bucket of an address: it was used elsewhere."""
        self._full_at[address] = now + self._rate.burst_s
        self._full_at.move_to_end(address)

    def _before(self, address: str, now: float) -> float:
        return max(self._full_at.get(address, now), now)


class Addresses:
    """What each address has: at most `most` connections (0: any number), and handshakes at this `rate`.

    `elsewhere` says how many connections it has in other processes.
    """

    def __init__(self, most: int, rate: Rate) -> None:
        self.most = most
        self.elsewhere: Callable[[str], int] = lambda _: 0
        self._rate = rate
        self._handshakes = Buckets(rate)
        self._connections: Counter[str] = Counter()

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return bool(self.most or self._rate.per_s)

    def __len__(self) -> int:
        return len({*self._handshakes.addresses, *self._connections})

    def ask(self, address: str, now: float) -> TooMuch | None:
        """Take one handshake of an address; None: it may be looked at."""
        if (wait_s := self._handshakes.wait_s(address, now)) > 0:
            return TooMuch("handshakes", f"too many handshakes from {address}: {self._rate}", wait_s)
        self._handshakes.take(address, now)
        return self.full(address)

    def empty(self, address: str, now: float) -> None:
        """Let an address begin no more handshakes for now: it has begun them elsewhere."""
        self._handshakes.empty(address, now)

    def full(self, address: str) -> TooMuch | None:
        """Say whether an address has as many connections as it may."""
        if self.most and (there := self._connections[address] + self.elsewhere(address)) >= self.most:
            return TooMuch("address", f"{there} connections from {address}, limit {self.most}", 1.0)
        return None

    def enter(self, address: str) -> int:
        """Count a connection in; return how many there are."""
        self._connections[address] += 1
        return self._connections[address]

    def leave(self, address: str) -> int:
        """Count a connection out; return how many are left."""
        self._connections[address] -= 1
        if not (left := self._connections[address]):
            del self._connections[address]
        return left
