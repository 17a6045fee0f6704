"""A run with reconnecting clients, put together from its events: what was published, who was connected where, and what
was done to hosts.

Owns `ResumeRun`. Refuses to know what one client received (`harness.history.reconnecting`), how a single target stops
(`harness.history.drain`), limits and verdicts. Pure.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import Any

from .events import Event
from .machine import MachineView
from .reconnecting import ConnectionView, Numbered, ReconnectingClientView
from .record import History

MARKS = frozenset({"welcome", "resumed", "gap"})
ARRIVES_WITHIN_S = 1.0  # how long a connection must stay open for a message sent on it to have arrived


class ResumeRun:
    """One run with reconnecting clients. Times in seconds, monotonic."""

    def __init__(self, history: History) -> None:
        self.terms = history.terms
        self.senders: list[str] = []
        self.connections: dict[str, ConnectionView] = {}
        self.published: dict[int, list[float]] = {}  # when each of a sender's messages was first sent, from n = 1
        self.acknowledged: dict[Numbered, set[int]] = {}
        self._unacknowledged: dict[Numbered, tuple[float, ConnectionView]] = {}
        self.apparatus: list[Event] = []
        self.seen_until = max((event.t for event in history.events), default=0.0)
        for event in history.events:
            self._take(event)

    @cached_property
    def clients(self) -> list[ReconnectingClientView]:
        """All reconnecting clients."""
        found: dict[str, ReconnectingClientView] = {}
        for connection in self.connections.values():
            found.setdefault(connection.client, ReconnectingClientView(connection.client)).connections.append(
                connection
            )
        return list(found.values())

    @cached_property
    def hosts(self) -> dict[str, list[Event]]:
        """The events of each host of a fleet."""
        found: dict[str, list[Event]] = {}
        for event in self.apparatus:
            if event.who.startswith("host-"):
                found.setdefault(event.who, []).append(event)
        return found

    @cached_property
    def replaced(self) -> list[str]:
        """The hosts that were told to stop."""
        return [name for name, events in self.hosts.items() if any(event.what == "signal" for event in events)]

    def crowd_of(self, host: str) -> int:
        """How many clients were connected to a host when it was told to stop."""
        stopped_at = next(event.t for event in self.hosts[host] if event.what == "signal")
        return sum(
            f"host-{connection.host + 1}" == host
            and connection.opened_at is not None
            and connection.opened_at <= stopped_at
            and (connection.ended_at is None or connection.ended_at > stopped_at)
            for connection in self.connections.values()
        )

    @cached_property
    def broker_emptied_at(self) -> float | None:
        """When the harness removed all data of the broker."""
        return next((event.t for event in self.apparatus if event[1:3] == ("broker", "emptied")), None)

    @cached_property
    def spoken(self) -> tuple[float, float]:
        """The first and the last moment at which a message was published; (0, 0) where none was."""
        times = [t for sent in self.published.values() for t in (sent[0], sent[-1])]
        return min(times, default=0.0), max(times, default=0.0)

    @cached_property
    def accepted(self) -> set[Numbered]:
        """The messages that the server acknowledged, or delivered to any client.

        If the protocol has no acknowledgements, also those sent on a connection that stayed open for another second.
        """
        found = set(self.acknowledged)
        for numbered, (t, connection) in self._unacknowledged.items():
            ended_at = self.seen_until if connection.ended_at is None else connection.ended_at
            if ended_at >= t + ARRIVES_WITHIN_S:
                found.add(numbered)
        for client in self.clients:
            found |= client.received()
        return found

    def said_at(self, numbered: Numbered) -> float:
        """When a message was first sent; the end of the run if no sending was recorded."""
        sender, n = numbered
        times = self.published.get(sender, [])
        return times[n - 1] if n <= len(times) else self.seen_until

    def name_of(self, numbered: Numbered) -> str:
        """A message in words for a person: `speaker-1:7`."""
        return f"{self.senders[numbered[0]]}:{numbered[1]}"

    def due_from(self, since: float) -> dict[int, int]:
        """The number of each sender's first message after a moment."""
        return {sender: bisect_right(times, since) + 1 for sender, times in self.published.items()}

    def at(self, t: float) -> str:
        """A moment in words for a person: counted from the first message."""
        return f"{t - self.spoken[0]:+.3f} s"

    def worst_lag(self) -> float:
        """The worst delay (s) of the harness's own event loop while messages were published."""
        start, end = self.spoken
        lags = (e.detail["seconds"] for e in self.apparatus if e[1:3] == ("harness", "lag") and start <= e.t <= end)
        return max(lags, default=0.0)

    @cached_property
    def machine(self) -> MachineView:
        """How busy the machine was."""
        return MachineView(self.apparatus)

    def index_of(self, sender: str) -> int:
        """The index of a sender by its name."""
        if sender not in self.senders:
            self.senders.append(sender)
        return self.senders.index(sender)

    def _take(self, event: Event) -> None:
        detail, what = event.detail, event.what
        if what == "connecting" and "client" in detail:
            position = detail["position"]
            at = None if position is None else (position[0], position[1])
            self.connections[event.who] = ConnectionView(
                event.who, detail["client"], detail["host"], event.t, at, detail.get("answers", True)
            )
            return
        connection = self.connections.get(event.who)
        if connection is None:
            self.apparatus.append(event)
        elif what == "opened":
            connection.opened_at = event.t
        elif what == "ended":
            connection.ended_at = event.t
        elif what in MARKS:
            connection.marks.append(event)
        elif what == "received":
            self._take_columns(connection, detail)
        elif what == "published":
            sender = self.index_of(connection.client)
            times = self.published.setdefault(sender, [])
            if detail["n"] > len(times):
                times.append(event.t)
            if not connection.answers:
                self._unacknowledged[(sender, detail["n"])] = event.t, connection
        elif what == "acked":
            sender, _, n = detail["id"].rpartition(":")
            self.acknowledged.setdefault((self.index_of(sender), int(n)), set()).add(detail["seq"])

    def _take_columns(self, connection: ConnectionView, detail: dict[str, Any]) -> None:
        connection.at, connection.seq, connection.n = detail["at"], detail["seq"], detail["n"]
        index = [self.index_of(name) for name in detail["senders"]]
        connection.sender = [index[each] for each in detail["sender"]]
