"""The keys that a broker in memory knows: so many of each owner, and so many in all; the oldest are forgotten."""

from __future__ import annotations

from collections import OrderedDict, deque

from ..messages.keys import parts_of

KEYS_PER_NAME = 1000
KEYS = 50_000  # of all names


class Keys:
    """The numbers of posts, by their keys: at most `per_name` of one owner, `in_all` of all."""

    def __init__(self, per_name: int = KEYS_PER_NAME, in_all: int = KEYS) -> None:
        self._per_name = per_name
        self._in_all = in_all
        self._numbers: OrderedDict[str, int] = OrderedDict()
        self._of: dict[str, deque[str]] = {}  # the keys of one owner, in the order of all

    def __len__(self) -> int:
        return len(self._numbers)

    def get(self, key: str) -> int | None:
        """The number of the post with this key, if it is known."""
        return self._numbers.get(key)

    def add(self, key: str, number: int) -> None:
        """Know one more, which is not known."""
        self._numbers[key] = number
        owner, _ = parts_of(key)
        keys = self._of.setdefault(owner, deque())
        keys.append(key)
        if len(keys) > self._per_name:
            del self._numbers[keys.popleft()]
        elif len(self._numbers) > self._in_all:
            oldest, _ = self._numbers.popitem(last=False)
            former, _ = parts_of(oldest)
            self._of[former].popleft()
            if not self._of[former]:
                del self._of[former]
