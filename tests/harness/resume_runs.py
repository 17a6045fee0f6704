"""Literal histories of clients that reconnect, built like those of `histories`: where they were, and what arrived.

A `Deploy` has one message every 0.1 s, from two speakers in turn; message number k of the log is sent at 0.1 k s. While
a connection is open, every message after its position is due on it, and arrives 10 ms after it was sent; a case then
removes, doubles or moves something. Times are seconds relative to the first message.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Self

from harness.history.record import History
from tests.harness.histories import T0, TERMS, Story

SPEAKERS = ("speaker-1", "speaker-2")
EVERY_S = 0.1
LATENCY_S = 0.01
MESSAGES = 80
END_S = MESSAGES * EVERY_S + 1.0

Row = tuple[float, int, int, int]  # when, seq, the index of the speaker, n


def message(seq: int, latency_s: float = LATENCY_S) -> Row:
    """The arrival of the message with this number."""
    return seq * EVERY_S + latency_s, seq, (seq - 1) % 2, (seq + 1) // 2


class Deploy(Story):
    """Builds a run. After `connects` the following events are about that connection."""

    def __init__(self) -> None:
        super().__init__(TERMS)
        self.rows: dict[str, list[Row]] = {}
        self.senders = list(SPEAKERS)

    def history(self) -> History:
        before = self.events
        self.events = list(before)
        for who, rows in self.rows.items():
            at = array("d", [T0 + row[0] for row in rows])
            seq, sender, n = (array("q", [row[i] for row in rows]) for i in (1, 2, 3))
            self.about(who).add(END_S, "received", senders=self.senders, at=at, seq=seq, sender=sender, n=n)
        history = super().history()
        self.events = before
        return history

    def host(self, number: int, signal: float | None = None) -> Self:
        """One host of the fleet, and when it was told to stop."""
        self.about(f"host-{number}").add(-2.0, "started", pid=number)
        return self if signal is None else self.add(signal, "signal", signal="SIGTERM", to="process")

    def connects(
        self, client: str, number: int, began: float, position: tuple[str, int] | None = None, answers: bool = True
    ) -> Self:
        """The connection `client/number` begins, from the client's position."""
        detail = {"client": client, "host": number - 1, "position": position, "answers": answers}
        self.about(f"{client}/{number}").add(
            began, "connecting", path="/ws", persona="reconnecting", hostile=False, **detail
        )
        self.rows[self.who] = []
        return self.opened(began + 0.001)

    def is_welcomed(self, t: float, epoch: str = "e", seq: int = 0) -> Self:
        return self.add(t, "welcome", epoch=epoch, seq=seq, frames=0)

    def is_resumed(self, t: float, frames: int = 0) -> Self:
        return self.add(t, "resumed", epoch="e", seq=0, replayed=0, frames=frames)

    def has_a_gap(self, t: float, after: int, following: int, epoch: str = "e", frames: int = 0) -> Self:
        return self.add(t, "gap", after=after, next=following, epoch=epoch, frames=frames)

    def receives(self, *rows: Row) -> Self:
        """These messages arrive on the connection, except those that its client sent itself."""
        client = self.who.partition("/")[0]
        self.rows[self.who] += [row for row in rows if self.senders[row[2]] != client]
        return self

    def says_everything(self, messages: int = MESSAGES) -> Self:
        """Both speakers send all messages on their first connection, and these are acknowledged."""
        for seq in range(1, messages + 1):
            _, _, sender, n = message(seq)
            self.about(f"{SPEAKERS[sender]}/1").add(seq * EVERY_S, "published", n=n, frames=0)
            self.add(seq * EVERY_S + 0.005, "acked", id=f"{SPEAKERS[sender]}:{n}", seq=seq, frames=0)
        return self

    def knows(self, sender: str) -> Self:
        """Add a sender whose messages may be received."""
        self.senders.append(sender)
        return self

    # a case changes something
    def on(self, who: str, change: Callable[[list[Row]], list[Row]]) -> Self:
        """Change what arrived on a connection."""
        self.rows[who] = change(self.rows[who])
        return self

    def loses(self, who: str, *seqs: int) -> Self:
        return self.on(who, lambda rows: [row for row in rows if row[1] not in seqs])

    def gets(self, who: str, *rows: Row) -> Self:
        return self.on(who, lambda had: sorted([*had, *rows]))

    def without(self, who: str = "", what: str = "") -> Self:
        if not what:
            self.rows = {name: rows for name, rows in self.rows.items() if not name.startswith(who)}
        return super().without(who, what)

    def without_rows(self, who: str) -> Self:
        """Nothing arrived on a connection."""
        return self.on(who, lambda _: [])


def stays(run: Deploy, client: str, since: float = -1.0, until: float = END_S, messages: int = MESSAGES) -> Deploy:
    """A client that is connected once, and receives everything that is sent until it leaves."""
    run.connects(client, 1, since - 0.01).is_welcomed(since)
    return run.receives(*(message(seq) for seq in range(1, messages + 1) if since < seq * EVERY_S < until))


def moves(run: Deploy, client: str, at: float, number: int = 2, position: int | None = None) -> Deploy:
    """The same client moves to another host at a moment, and resumes from the last message that it has."""
    if position is None:
        position = max(seq for seq in range(MESSAGES + 1) if seq * EVERY_S + LATENCY_S < at)
    run.connects(client, number, at, ("e", position)).is_welcomed(at + 0.01, seq=position).is_resumed(at + 0.011)
    owed = (message(seq) for seq in range(position + 1, MESSAGES + 1))
    return run.receives(*((max(t, at + 0.012), *rest) for t, *rest in owed))  # type: ignore[arg-type]  # a tuple unpacked


def healthy_deploy(clients: int = 12) -> Deploy:
    """Three hosts replaced at 1, 3 and 5 s; every client is moved once, with 0.2 s on both connections."""
    run = Deploy()
    for number, signal in enumerate((1.0, 3.0, 5.0), 1):
        run.host(number, signal)
    for i in range(clients):
        client = SPEAKERS[i] if i < len(SPEAKERS) else f"reconnecting-{i}"
        at = (1.5, 3.5, 5.5)[i % 3] + i / 100
        stays(run, client, until=at + 0.2)
        moves(run, client, at)
    return run.says_everything()
