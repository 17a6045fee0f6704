"""The life of one client, put together from its events: one handshake and the connection that came of it.

Owns: `ClientView`, and `sort_out`, which reads all events once. Refuses to know: the drain, limits,
verdicts.

Rules. A client *left* when it ended the connection itself: by a close frame of its own, sent before any of
the server's arrived, or by tearing the connection down. It was *evicted* when the server ended it: by a
close frame, or by an end without one. Once the harness has given up waiting, what clients do is its own
clearing away and is not observed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .events import Event

APPARATUS = frozenset({"target", "harness", "ready", "health", "metrics", "broadcast", "broker"})
GAVE_UP = "gave up waiting"

TALK = {"heard": "heard", "sent": "sent", "answered": "answered", "notified": "notified", "notice": "notices"}
TALK |= {"violated": "violations"}
RESUMING = frozenset({"welcome", "resumed", "gap", "published", "acked", "error", "received"})  # for `resume_view`
OVERLOOKED = frozenset({"not_let_in"})  # a crowd that is not let in ends the run
OUTCOMES = frozenset({"opened", "refused", "failed"})


class HandshakeOutcome(NamedTuple):
    """How a handshake was settled: `opened` (101), `refused` (any other status) or `failed` (no status)."""

    t: float
    what: str
    status: int | None
    retry_after: str | None
    error: str | None


class Close(NamedTuple):
    """One close frame."""

    t: float
    code: int


class End(NamedTuple):
    """The end of the TCP connection: `eof` or `reset` by the server, `local` by the client."""

    t: float
    how: str


@dataclass(slots=True, eq=False)
class ClientView:
    """One handshake of a client and, where it was opened, the life of that connection."""

    name: str
    persona: str
    hostile: bool
    began: float
    outcome: HandshakeOutcome | None = None
    sent: list[Event] = field(default_factory=list)
    answered: list[Event] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)
    notified: list[Event] = field(default_factory=list)
    notices: list[Event] = field(default_factory=list)
    violations: list[Event] = field(default_factory=list)
    close_received: Close | None = None
    own_close: Close | None = None
    close_answer: Close | None = None
    ended: End | None = None
    local_port: int | None = None
    waits: bool = False
    was_let_in_at: float | None = None

    @property
    def opened_at(self) -> float | None:
        """When its 101 arrived; None where none did."""
        return self.outcome.t if self.outcome and self.outcome.what == "opened" else None

    @property
    def let_in_at(self) -> float | None:
        """When it was in: with its 101, or when it had heard what its protocol lets it in with. None: never."""
        return self.was_let_in_at if self.waits else self.opened_at

    @property
    def left_at(self) -> float | None:
        """When it ended the connection itself. Frames that cross count as leaving."""
        by_server = self.close_received or self.ended
        if self.own_close and (by_server is None or self.own_close.t <= by_server.t):
            return self.own_close.t
        if self.ended and self.ended.how == "local" and self.close_received is None:
            return self.ended.t
        return None

    @property
    def evicted_at(self) -> float | None:
        """When the server ended it: by a close frame, or else by the end of the TCP connection."""
        by_server = self.close_received or self.ended
        return by_server.t if by_server and self.left_at is None else None

    @property
    def was_cut_off(self) -> bool:
        """Whether the server ended it without a close frame, though it may have sent one itself."""
        return self.close_received is None and self.ended is not None and self.ended.how != "local"

    @property
    def gone_at(self) -> float | None:
        """When it left or was evicted; None while neither."""
        left_at = self.left_at
        return self.evicted_at if left_at is None else left_at

    def connected_at(self, t: float) -> bool:
        """Whether it was in at a moment, and had neither left nor been evicted by then."""
        return self.let_in_at is not None and self.let_in_at <= t and (self.gone_at is None or self.gone_at > t)

    def settle(self, event: Event) -> None:
        """Note how the handshake came out."""
        detail = event.detail
        status = 101 if event.what == "opened" else detail.get("status")
        self.outcome = HandshakeOutcome(event.t, event.what, status, detail.get("retry_after"), detail.get("error"))
        self.local_port = detail.get("local_port")

    def note(self, event: Event) -> None:
        """Add one event of the open connection. Raises ValueError for a kind that no client records."""
        t, _, what, detail = event
        if what in TALK:
            getattr(self, TALK[what]).append(event)
        elif what == "close_received":
            self.close_received = self.close_received or Close(t, detail["code"])
        elif what == "close_sent" and detail["ours"]:
            self.own_close = self.own_close or Close(t, detail["code"])
        elif what == "close_sent":
            self.close_answer = self.close_answer or Close(t, detail["code"])
        elif what == "let_in":
            self.was_let_in_at = t
        elif what == "ended":
            self.ended = self.ended or End(t, detail["how"])
        elif what not in RESUMING | OVERLOOKED:
            raise ValueError(f"{self.name} recorded {what!r} at {t:.3f} s, which no client does")


def _begun(event: Event) -> ClientView:
    detail = event.detail
    waits = detail.get("waits", False)
    return ClientView(event.who, detail["persona"], detail["hostile"], event.t, waits=waits)


def sort_out(events: Iterable[Event]) -> tuple[list[ClientView], dict[str, list[Event]]]:
    """Part the events into the clients' (one view a handshake) and the apparatus' (by name)."""
    clients: list[ClientView] = []
    newest: dict[str, ClientView] = {}
    standing: dict[str, ClientView] = {}  # a refused second handshake leaves the first connection standing
    apparatus: dict[str, list[Event]] = {who: [] for who in APPARATUS}
    gave_up = False
    for event in events:
        who, what = event.who, event.what
        if who in APPARATUS:
            apparatus[who].append(event)
            gave_up = gave_up or (what == "mark" and GAVE_UP in event.detail["name"])
        elif gave_up:
            continue
        elif what == "connecting":
            newest[who] = _begun(event)
            clients.append(newest[who])
        elif who not in newest:
            raise ValueError(f"{who} recorded {what!r} at {event.t:.3f} s, before it was connecting")
        elif what in OUTCOMES:
            newest[who].settle(event)
            if what == "opened":
                standing[who] = newest[who]
        else:
            standing.get(who, newest[who]).note(event)
    return clients, apparatus
