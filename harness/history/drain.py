"""One drain as a whole, put together from the events of a run: everything that a judge looks at.

Owns: `Drain` and `Probe`. Refuses to know: how a client's life is read (`harness.history.client`), what the target
itself did (`harness.history.stop`), limits and verdicts (`harness.clauses`). Everything is derived once. A client is
*reading* unless it is hostile. A close code that says that a client was at fault is believed only if the harness's
client really did that (`at_fault`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from .attack import FLOODERS
from .client import ClientView, sort_out
from .events import Event
from .stop import Stop
from .stream import StreamView, apart
from .terms import Terms

SERVICE_RESTART, GOING_AWAY = 1012, 1001
FAULT_CODES = frozenset({1002, 1003, 1007, 1008, 1009, 1011, 1013})  # the server says: this client was at fault
# The personas that may get such a code, and which: clients that read too slowly, that ignore pings, or that attack.
FAULTS_OF = {
    "stalled-reader": frozenset({1008, 1009, 1011, 1013}),
    "half-open": frozenset({1008, 1011}),
    "ping-ignorer": frozenset({1008, 1011}),
    **dict.fromkeys(FLOODERS, FAULT_CODES),
}
SEES_LATE_S = {"slow-reader": 0.05}  # it reads at this interval, and sees the end of its connection as late
HOSTILE_READERS = frozenset({"ping-ignorer", "close-ignorer"})  # they see at once how the server ends them

READY_WITHIN_S = 0.25
LAST_MOMENT_S = 0.05  # before the last client's end: a request in this time may find the server gone


class Probe(NamedTuple):
    """One HTTP request of the harness, asked at `began` and settled at `t`.

    `left` is the value of a gauge, and `of_each` what it is made of: one for each of several processes, by a name.
    """

    t: float
    began: float
    status: int | None
    error: str | None
    left: float | None = None
    of_each: Mapping[str, float] | None = None

    @property
    def said(self) -> str:
        """The status, or else the error, in words for a person."""
        return str(self.status if self.status is not None else self.error)


class Drain(Stop):
    """One stop of one target, as a judge is given it. Times in seconds, monotonic."""

    def __init__(self, terms: Terms, t0: float, events: list[Event]) -> None:
        self.streams, others = apart(events)
        self.handshakes, apparatus = sort_out(others)
        super().__init__(terms, t0, apparatus)
        self.seen_until = max(event.t for event in events)

    @cached_property
    def was_up(self) -> bool:
        """Whether it had come up before it was told to stop: it was found ready, or had let a client in."""
        let_in = any(client.opened_at is not None and client.opened_at <= self.t0 for client in self.handshakes)
        return let_in or (self.up_at is not None and self.up_at < self.t0)

    @cached_property
    def connections(self) -> list[ClientView]:
        """Every connection that was opened, hostile ones too."""
        return [client for client in self.handshakes if client.opened_at is not None]

    @cached_property
    def open_streams(self) -> list[StreamView]:
        """Every long response that was begun: no connection of a WebSocket, and a client all the same."""
        return [stream for stream in self.streams if stream.opened_at is not None]

    @cached_property
    def readers(self) -> list[ClientView]:
        """The connections of reading clients that were open at t0 or later."""
        return [
            client
            for client in self.connections
            if not client.hostile and (client.gone_at is None or client.gone_at > self.t0)
        ]

    @cached_property
    def evictions(self) -> list[tuple[float, ClientView]]:
        """The clients that the server evicted, and when, in order of time; hostile ones only if they were not at fault.

        When a hostile client reads something after the exit, that says nothing about when it was sent.
        """
        ended = [(client.evicted_at, client) for client in self.readers]
        for client in self.connections:
            close = client.close_received
            in_time = close and close.t >= self.t0 and (self.exited_at is None or close.t <= self.exited_at)
            if client.hostile and close and in_time and not self.at_fault(client):
                ended.append((client.evicted_at, client))
        return sorted(((t, who) for t, who in ended if t is not None), key=lambda eviction: eviction[0])

    @cached_property
    def reader_evictions(self) -> list[tuple[float, ClientView]]:
        """The evictions of reading clients."""
        return [(t, client) for t, client in self.evictions if not client.hostile]

    @cached_property
    def cut_before(self) -> list[tuple[float, ClientView]]:
        """The clients that the server closed before t0, though they were not at fault, and when."""
        ended = [(client.evicted_at, client) for client in self.connections if not self.at_fault(client)]
        return [(t, client) for t, client in ended if t is not None and t <= self.t0]

    def at_fault(self, client: ClientView) -> bool:
        """Whether the server may have closed this client for a fault: its persona does such a thing.

        The server need not send a dead peer a close frame; if it does, the code must be the one for that fault.
        """
        close, codes = client.close_received, FAULTS_OF.get(client.persona)
        return codes is not None and (close is None or close.code in codes)

    @cached_property
    def goodbye_codes(self) -> tuple[int, ...]:
        """The close codes that may tell a client that the server stops: the declared ones.

        If none are declared, 1012 or 1001, whichever more clients got, because all clients must get the same code.
        """
        if self.profile.close_codes is not None:
            return self.profile.close_codes
        got = Counter(client.close_received.code for client in self.readers if client.close_received)
        by_use = sorted((SERVICE_RESTART, GOING_AWAY), key=lambda code: -got[code])
        return tuple(by_use[:1]) if got[by_use[0]] else tuple(by_use)

    def lost_its_worker(self, client: ClientView) -> bool:
        """Whether a worker that the harness killed held this connection, or may have held it if it was very new."""
        opened_at, kills = client.opened_at, [kill for kill in self.kills if client.connected_at(kill.t)]
        return any(client.local_port in kill.ports or (opened_at or 0.0) > kill.looked_at for kill in kills)

    @cached_property
    def notices(self) -> list[tuple[float, ClientView]]:
        """The first notice of each client that got one, in order of time."""
        first = ((client.notices[0].t, client) for client in self.connections if client.notices)
        return sorted(first, key=lambda notice: notice[0])

    def probes(self, name: str, since: float | None = None) -> list[Probe]:
        """The requests of one prober (`ready`, `health`, `metrics`) that were settled after t0, or `since`, in order.

        A request that was under way while the harness had stopped (frozen) the target shows nothing, and is left out.
        """
        start = self.t0 if since is None else since
        seen = [
            Probe(event.t, began, *(detail.get(key) for key in ("status", "error", "connections", "of_each")))
            for event in self._apparatus[name]
            if event.t >= start and not self.was_frozen((began := (detail := event.detail)["began"]), event.t)
        ]
        return sorted(seen, key=lambda probe: probe.t)

    @cached_property
    def not_ready_at(self) -> float | None:
        """When the first readiness 503 after t0 was answered."""
        return next((probe.t for probe in self.probes("ready") if probe.status == 503), None)

    @property
    def ready_limit(self) -> float:
        """By when readiness must have turned."""
        return self.t0 + READY_WITHIN_S + self.terms.parent_delay_s

    @property
    def horizon(self) -> float:
        """The late horizon: the first readiness 503 after t0, or 250 ms after t0 where there is none."""
        return self.ready_limit if self.not_ready_at is None else self.not_ready_at

    @cached_property
    def posts(self) -> list[Event]:
        """The broadcasts that were posted over HTTP."""
        return [event for event in self._apparatus["broadcast"] if event.what == "posted"]

    @cached_property
    def clients_gone_at(self) -> float:
        """When the last client was gone; t0 if there was no client, and never later than the exit.

        A hostile client that does not read is not counted: it sees late, or never, that its connection was cut.
        """
        gone = max((t for t, _ in self._ends), default=self.t0)
        return gone if self.exited_at is None else min(gone, self.exited_at)

    @cached_property
    def _ends(self) -> list[tuple[float, ClientView]]:
        hostile = [client for client in self.connections if client.hostile and client.persona in HOSTILE_READERS]
        there = [*self.readers, *hostile, *self.open_streams]
        ends = [(c.ended.t if c.ended else self.seen_until, c) for c in there]
        return [(t, client) for t, client in ends if t > self.t0]

    @cached_property
    def last_end_may_be_s(self) -> float:
        """How much earlier than it was seen the last connection may have ended: some clients read seldom."""
        return max((SEES_LATE_S.get(c.persona, 0.0) for t, c in self._ends if t >= self.clients_gone_at), default=0.0)

    @cached_property
    def last_moment_at(self) -> float:
        """Just before the last client is gone: a request after this moment may find no server."""
        gone = self.clients_gone_at
        return gone - LAST_MOMENT_S - self.worst_lag(gone - LAST_MOMENT_S, gone)

    def while_clients_were_there(self, probe: Probe) -> bool:
        """Whether a probe was settled before the last client was gone, or began before that and hung."""
        settled = probe.t <= self.clients_gone_at or probe.error == "timeout"
        return settled and probe.began <= self.last_moment_at
