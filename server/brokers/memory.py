"""The broker of one process: `memory://`.

Owns the one log of this process and its epoch, a name for this run of it. Messages reach only the clients of this
process.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from sys import getsizeof
from typing import Any

from ..messages.history import Message, Post
from .broker import Deliver, Heard, Lost, Store
from .keys import KEYS_PER_NAME, Keys
from .left_out import LeftOut

VALUES_BYTES = 256 * 1024 * 1024  # as the private Valkey's
PLACE_BYTES = 250  # of one value: measured, and rounded up


class MemoryStore:
    """State that is gone with the process, in `limit_bytes` at most: what was written longest ago goes first.

    Kept as bytes of JSON: `[[],[],...]` takes 20 times as much as objects.
    """

    def __init__(self, limit_bytes: int = VALUES_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._values: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._followers: dict[str, list[asyncio.Queue[Mapping[str, str]]]] = {}

    async def get(self, key: str) -> dict[str, Any] | None:
        """Read a value; None when there is none, or no more."""
        value, until = self._values.get(key, (b"", 0.0))
        return dict(json.loads(value)) if time.monotonic() < until else None

    async def set(self, key: str, value: Mapping[str, Any], ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds."""
        now = time.monotonic()
        self._forget(key)
        text = json.dumps(dict(value)).encode()
        self._values[key] = text, now + ttl_s
        self._bytes += size_of(key, text)
        while (oldest := next(iter(self._values))) != key:
            if self._bytes <= self._limit_bytes and self._values[oldest][1] > now:
                break
            self._forget(oldest)

    def _forget(self, key: str) -> None:
        text, _ = self._values.pop(key, (None, 0.0))
        if text is not None:
            self._bytes -= size_of(key, text)

    async def append(self, stream: str, entry: Mapping[str, str]) -> None:
        """Hand an entry to everyone who follows the stream."""
        for follower in self._followers.get(stream, ()):
            follower.put_nowait(entry)

    async def follow(self, stream: str, heard: Heard) -> None:
        """Await `heard` for each entry that is added from now on, in order, until cancelled."""
        entries: asyncio.Queue[Mapping[str, str]] = asyncio.Queue()
        followers = self._followers.setdefault(stream, [])
        followers.append(entries)
        try:
            while True:
                await heard(await entries.get())
        finally:
            followers.remove(entries)


def size_of(key: str, text: bytes) -> int:
    """Count the memory that a value takes with its key and its place."""
    return getsizeof(key) + getsizeof(text) + PLACE_BYTES


class MemoryBroker:
    """Numbers messages and hands each one straight to its subscriber."""

    shared = False
    available = True

    def __init__(self, keys_per_name: int = KEYS_PER_NAME) -> None:
        self.epoch = uuid.uuid4().hex
        self.store: Store = MemoryStore()
        self.left_out = LeftOut()
        self._seq = 0
        self._keys = Keys(keys_per_name)
        self._deliver: Deliver = lambda _message: None

    def subscribe(self, deliver: Deliver, lost: Lost) -> None:  # noqa: ARG002  # nothing is ever lost here
        """Set what is called for each message. Nothing is ever lost here."""
        self._deliver = deliver

    async def start(self) -> None:
        """Nothing: the log is empty."""

    async def publish(self, post: Post) -> int:
        """Give a post its number and deliver it."""
        if post.key is not None and (number := self._keys.get(post.key)) is not None:
            return number
        self._deliver(Message(self._seq + 1, post))  # what cannot be encoded fails here, and takes no number
        self._seq += 1
        if post.key is not None:
            self._keys.add(post.key, self._seq)
        return self._seq

    async def catch_up(self) -> None:
        """Nothing: what is published is delivered."""

    async def close(self) -> None:
        """Nothing."""
