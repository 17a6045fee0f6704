"""What was refused for a limit: counted by its reason, and said in at most one log line a second.

Owns the numbers behind `ebb_limited_total`, and the line. Refuses to know who decides, and what the client is told.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import StrEnum

logger = logging.getLogger("ebb")

LINE_EVERY_S = 1.0


class LimitReason(StrEnum):
    """Which limit: messages and bytes a second, and clients closed that went on regardless; names; one message.

    Of a connection: control frames a second; the head of a request, the time for it, for a body and for a TLS
    handshake, what is no HTTP.
    Of the process: its descriptors.
    Of an address: its connections, and its handshakes and its wrong tokens over HTTP a second.
    """

    MESSAGES = "messages"
    BYTES = "bytes"
    CLOSED = "closed"
    NAMES = "names"
    SIZE = "size"
    DESCRIPTORS = "descriptors"
    CONTROL = "control"
    HEAD = "head"
    HEAD_TIME = "head_time"
    BODY_TIME = "body_time"
    TLS_TIME = "tls_time"
    HTTP = "http"
    ADDRESS = "address"
    HANDSHAKES = "handshakes"
    TOKENS = "tokens"


class Tally:
    """How often something was refused, for each reason. `clock` says seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: dict[str, int] = dict.fromkeys(LimitReason, 0)
        self._clock = clock
        self._quiet_until = -LINE_EVERY_S
        self._unsaid = 0

    def add(self, reason: str, who: str, detail: str) -> None:
        """Count one; log it too, unless a line was written less than a second ago."""
        self.counts[reason] += 1
        now = self._clock()
        if now < self._quiet_until:
            self._unsaid += 1
            return
        more = f"; {self._unsaid} more since the last such line" if self._unsaid else ""
        logger.warning("limited: %.80r: %s%s", who, detail, more)
        self._quiet_until = now + LINE_EVERY_S
        self._unsaid = 0
