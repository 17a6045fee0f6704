"""What carries a message from the process where it was published to every process of the service.

Owns the `Broker` protocol. A broker keeps one log: it gives each post the next number, and hands every message to its
one subscriber in this process, in order. Brokers refuse to know clients, connections and rooms.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from ..messages.history import Message, Post
from .left_out import LeftOut

Deliver = Callable[[Message], None]
Lost = Callable[[int], None]
Heard = Callable[[Mapping[str, str]], Awaitable[None]]


class BrokerUnavailable(Exception):
    """The broker does not answer; nothing is known of what was asked of it. The text says in one line what happened."""


class BrokerFailed(Exception):
    """There will be no broker; says why in one line."""


class Store(Protocol):
    """State beside the log: values that expire, and streams of small entries. Each call raises BrokerUnavailable."""

    async def get(self, key: str) -> dict[str, Any] | None:
        """Read a value; None when there is none, or no more."""

    async def set(self, key: str, value: Mapping[str, Any], ttl_s: float) -> None:
        """Keep a value for `ttl_s` seconds."""

    async def append(self, stream: str, entry: Mapping[str, str]) -> None:
        """Add an entry to a stream, of which the last 10,000 are kept."""

    async def follow(self, stream: str, heard: Heard) -> None:
        """Await `heard` for each entry that is added from now on, in order, until cancelled.

        Every process that follows hears every entry. An outage of the broker is waited out, and misses nothing.
        """


class Broker(Protocol):
    """One log for the whole service.

    `shared`: other processes hear what is published here. `epoch` names this log: a position in it is an epoch and a
    number. `available`: it answers. `left_out` counts what was found in it and not taken.
    """

    shared: bool
    epoch: str
    available: bool
    store: Store
    left_out: LeftOut

    def subscribe(self, deliver: Deliver, lost: Lost) -> None:
        """Set what is called for each message. Once, before `start`.

        `lost` is called when the log is not the one any more that it was (`epoch` has changed by then), with the number
        after which it goes on: 0 for one that begins anew. It is also called where messages of the same log are
        lost. A message whose number is not the next one is a loss too.
        """

    async def start(self) -> None:
        """Begin to deliver, with the messages that the log still holds. Returns when all of these were delivered.

        Waits for a broker that does not answer yet. Raises BrokerFailed where waiting is of no use.
        """

    async def publish(self, post: Post) -> int:
        """Give `post` its number and put it into the log; return the number. In order, for each caller.

        A post whose `key` (`messages.keys`) is known is not published again: its former number is returned. The
        last `keys_per_name` of each owner are known.
        Raises BrokerUnavailable, within a second; the post may have been published all the same.
        """

    async def catch_up(self) -> None:
        """Return once what was published before, by anybody, is delivered here. Raises nothing.

        Where the broker does not answer, or nothing is delivered: at once, or within 1.2 s.
        """

    async def close(self) -> None:
        """Stop delivering, and disconnect from the broker. After `start`, or instead of it."""
