"""The life of one client, put together from its events: one handshake, and the connection that it opened.

Owns: `ClientView`, and `sort_out`, which reads all events once. Refuses to know: the drain, limits,
verdicts.

Rules. A client *left* when it ended the connection itself: it sent a close frame before one from the server
arrived, or dropped the connection. It was *evicted* when the server ended it, with or without a close frame.
Once the harness has given up waiting, it closes its own clients: that is no observation.
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
    """The outcome of a handshake: `opened` (101), `refused` (any other status) or `failed` (no status)."""

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
    """One handshake of a client and, if it opened a connection, the life of that connection."""

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
        """When its 101 arrived; None if none did."""
        return self.outcome.t if self.outcome and self.outcome.what == "opened" else None

    @property
    def let_in_at(self) -> float | None:
        """When it was let in: with its 101, or with the message by which its protocol lets it in. None: never."""
        return self.was_let_in_at if self.waits else self.opened_at

    @property
    def left_at(self) -> float | None:
        """When it ended the connection itself. If the close frames of both sides cross, it has left."""
        by_server = self.close_received or self.ended
        if self.own_close and (by_server is None or self.own_close.t <= by_server.t):
            return self.own_close.t
        if self.ended and self.ended.how == "local" and self.close_received is None:
            return self.ended.t
        return None

    @property
    def evicted_at(self) -> float | None:
        """When the server ended the connection: by a close frame, or else by ending TCP."""
        by_server = self.close_received or self.ended
        return by_server.t if by_server and self.left_at is None else None

    @property
    def was_cut_off(self) -> bool:
        """Whether the server ended it without a close frame; the client may have sent one."""
        return self.close_received is None and self.ended is not None and self.ended.how != "local"

    @property
    def gone_at(self) -> float | None:
        """When it left or was evicted; None before that."""
        left_at = self.left_at
        return self.evicted_at if left_at is None else left_at

    def connected_at(self, t: float) -> bool:
        """Whether it was let in before `t`, and had neither left nor been evicted by then."""
        return self.let_in_at is not None and self.let_in_at <= t and (self.gone_at is None or self.gone_at > t)

    def settle(self, event: Event) -> None:
        """Note the outcome of the handshake."""
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
    """Divide the events into those of clients (one view for each handshake) and those of the apparatus (by name)."""
    clients: list[ClientView] = []
    newest: dict[str, ClientView] = {}
    standing: dict[str, ClientView] = {}  # a refused second handshake leaves the first connection open
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
