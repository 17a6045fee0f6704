"""How many connections an address has in the other processes of a service, as each of them tells. Pure.

Time is an argument, in seconds. A process tells in steps, an eighth of the limit, so that of most addresses there is
nothing to tell; the service lets through a step less one more for each process. Each time it tells something else, if
only by a number that grows: whoever has said the same for `FORGET_S` has died, and counts no more. So nobody's clock is
compared with another's.

Refuses to know how it is told (see `shared_connections`).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping

STEPS = 8
FORGET_S = 3.0
GONE_S = 30.0
MOST = 2000  # addresses that one process tells of: those with the most connections
LONGEST = 100_000  # characters of what one process tells: with these addresses it is 72,000 at most


class Here:
    """What this process tells of its connections, where one address may have `most`. True if there is anything."""

    def __init__(self, most: int) -> None:
        self._step = math.ceil(most / STEPS)
        self._told: dict[str, int] = {}
        self._times = 0

    def __bool__(self) -> bool:
        return bool(self._told)

    def has(self, address: str, connections: int) -> bool:
        """Note how many connections an address has now; say whether something else is to be told of it."""
        told = connections - connections % self._step
        if told == self._told.get(address, 0):
            return False
        self._told[address] = told
        if not told:
            del self._told[address]
        return True

    def tell(self) -> str:
        """Say it."""
        self._times += 1
        return json.dumps({"times": self._times, "connections": dict(Counter(self._told).most_common(MOST))})


class Elsewhere:
    """What the others have told last. True if there is anything."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[str, float]] = {}  # by each process, and since when it is the same
        self._connections: Counter[str] = Counter()
        self._forget_at = -math.inf

    def __bool__(self) -> bool:
        return bool(self._connections)

    def hear(self, told: Mapping[str, str], now: float) -> list[str]:
        """Take what all of them tell; return those that are gone for so long that nobody needs to hear of them."""
        before, self._said = self._said, {}
        self._connections.clear()
        self._forget_at = now + FORGET_S
        for process, text in told.items():
            former, since = before.get(process, ("", now))
            self._said[process] = text, since if text == former else now
            if now - self._said[process][1] < FORGET_S:
                self._connections.update(read(text))
        return [process for process, (_, since) in self._said.items() if now - since >= GONE_S]

    def of(self, address: str, now: float) -> int:
        """How many connections an address has there; 0 once that was heard too long ago to be true."""
        return self._connections[address] if now < self._forget_at else 0


def read(text: str) -> dict[str, int]:
    """Read what a process tells; what is nothing of ours is nothing."""
    try:
        said = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        return {}
    match said:
        case {"connections": dict(connections)}:
            return {address: there for address, there in connections.items() if type(there) is int and there > 0}
        case _:
            return {}
