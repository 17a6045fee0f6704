"""What a process found in its broker and did not take: counted by its reason, and said in one line a second at most.

Owns the reasons and the line. Refuses to know what is done instead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import StrEnum

logger = logging.getLogger("ebb")

LINE_EVERY_S = 1.0


class Found(StrEnum):
    """Why: an entry or a value that is not ours, one that is too large or too slow to read, a key of another type."""

    FOREIGN = "foreign"
    UNREADABLE = "unreadable"
    TYPE = "type"


class LeftOut:
    """How often something was left out, for each reason. `clock` says seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.counts: dict[str, int] = dict.fromkeys(Found, 0)
        self._clock = clock
        self._quiet_until = -LINE_EVERY_S
        self._unsaid = 0

    def add(self, reason: Found, what: str, times: int = 1) -> None:
        """Count it; log it too, unless a line was written less than a second ago."""
        self.counts[reason] += times
        if (now := self._clock()) < self._quiet_until:
            self._unsaid += 1
            return
        more = f" ({self._unsaid} more since the last such line)" if self._unsaid else ""
        logger.error("%s%s", what, more)
        self._quiet_until = now + LINE_EVERY_S
        self._unsaid = 0
