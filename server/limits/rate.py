"""How fast a client may send, in messages and in bytes. Pure: time is an argument, in seconds.

A token bucket each, kept as one number: the moment at which it is full again. That is the generic cell rate algorithm
in its form of virtual scheduling (ITU-T I.371, annex A), and costs two additions and two comparisons a message.

Rules: what is refused takes nothing out of the bucket. Once something was refused, so is everything until the bucket is
full: what a client sends without waiting for answers is never reordered. Then it may send a burst again. One that was
refused as much as a burst, and did not wait meanwhile, goes on regardless.
"""

from __future__ import annotations

import math
from typing import NamedTuple

ROUNDING_S = 1e-6  # what a sum of many small durations may be wrong by, in our favour


class Limited(NamedTuple):
    """A message that is not carried out: by which `reason` (messages or bytes), in words, and when to go on.

    `regardless`: the client has been told so before, more often than it may need to hear.
    """

    reason: str
    detail: str
    retry_after_s: float
    regardless: bool


class Rate:
    """So much a second, and at most `burst` at once; 0 a second: any amount."""

    __slots__ = ("burst", "burst_s", "each_s", "per_s")

    def __init__(self, per_s: float, burst: float) -> None:
        self.per_s = per_s
        self.burst = burst if per_s else math.inf
        self.each_s = 1 / per_s if per_s else 0.0
        self.burst_s = burst * self.each_s + ROUNDING_S

    def __str__(self) -> str:
        """Say the limit."""
        return f"limit {self.per_s:g} a second, burst {self.burst:g}"


class Rates:
    """How fast one client may send. `terms`: what a message and a byte cost, each with its burst, in seconds."""

    __slots__ = ("bytes", "messages", "terms")

    def __init__(self, messages: Rate, octets: Rate) -> None:
        self.messages = messages
        self.bytes = octets
        self.terms = messages.each_s, messages.burst_s, octets.each_s, octets.burst_s

    @property
    def limit_anything(self) -> bool:
        """Whether there is anything to measure."""
        return bool(self.messages.per_s or self.bytes.per_s)


class Meter:
    """What one client has sent, against its `rates`."""

    __slots__ = (
        "__weakref__",
        "_bytes_full_at",
        "_messages_full_at",
        "_rates",
        "_reason",
        "_refused",
        "_refused_bytes",
        "_terms",
    )

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._terms = rates.terms
        self._messages_full_at = self._bytes_full_at = -math.inf
        self._refused = self._refused_bytes = 0  # since the bucket was full
        self._reason = ""

    @property
    def full_at(self) -> float:
        """From when on it is as if nothing had been sent."""
        return max(self._messages_full_at, self._bytes_full_at)

    def take(self, size: int, now: float) -> Limited | None:
        """Take a message of `size` bytes; None: it may be carried out."""
        if self._refused:
            if now + ROUNDING_S < self.full_at:
                return self._refuse(self._reason, size, now)
            self._refused = self._refused_bytes = 0
        message_s, messages_burst_s, byte_s, bytes_burst_s = self._terms
        messages_full_at, bytes_full_at = self._messages_full_at, self._bytes_full_at
        messages_full_at = (messages_full_at if messages_full_at > now else now) + message_s
        bytes_full_at = (bytes_full_at if bytes_full_at > now else now) + size * byte_s
        if messages_full_at - now > messages_burst_s:
            return self._refuse("messages", size, now)
        if bytes_full_at - now > bytes_burst_s:
            return self._refuse("bytes", size, now)
        self._messages_full_at, self._bytes_full_at = messages_full_at, bytes_full_at
        return None

    def empty(self, now: float) -> None:
        """Take out whatever is in the bucket: it was used elsewhere."""
        _, messages_burst_s, _, bytes_burst_s = self._terms
        self._messages_full_at = max(self._messages_full_at, now + messages_burst_s)
        self._bytes_full_at = max(self._bytes_full_at, now + bytes_burst_s)

    def _refuse(self, reason: str, size: int, now: float) -> Limited:
        self._reason = reason
        self._refused += 1
        self._refused_bytes += size
        messages, octets = self._rates.messages, self._rates.bytes
        if reason == "messages":
            detail = f"messages refused: {self._refused}, {messages}"
        else:
            detail = f"bytes refused: {self._refused_bytes}, {octets}"
        regardless = self._refused > messages.burst or self._refused_bytes > octets.burst
        wait_s = math.ceil((self.full_at - now - ROUNDING_S) * 1000) / 1000  # not a moment too early
        return Limited(reason, detail, max(0.0, wait_s), regardless)
