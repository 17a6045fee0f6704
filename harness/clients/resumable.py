"""One connection that can resume, and records everything that is said on it; that of `ebb.v1`, with its log position.

Owns what every such connection has, `ResumableConnection`, and what each envelope means on one of `ebb.v1`; that of a
declared conversation is in `resumable_talk`. Refuses to know other connections of the same client, and when to connect
and to leave: that is `harness.clients.reconnecting`.

The numbered messages go into the history as columns in one event, `received`, when the connection is over. Other
envelopes are events at once: `welcome`, `resumed`, `gap`, `acked`, `error`, `notice`; their `frames` is how many
numbered messages had arrived on this connection before.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

from ..history.record import History
from .dialects import Notice, read_json, read_notice
from .fast_text import FastTextConnection
from .received import Readings, Received


class LogPosition:
    """Where a client stands in the log: what it says to a server when it reconnects. `epoch` is empty at first.

    It is the epoch of the last `welcome` or `gap`, and the highest number received in it. Several connections of one
    client may be open at once, and a message on any of them moves it. Every connection brings its messages in order and
    without a hole from where it began: a number below the highest one is a message that the client has, and one above
    it is the next one.
    """

    def __init__(self) -> None:
        self.epoch = ""
        self.seq = 0
        self.applied = 0

    @property
    def resume_from(self) -> tuple[str, int] | None:
        """The epoch and the number; None before the first `welcome`."""
        return (self.epoch, self.seq) if self.epoch else None

    @property
    def query(self) -> str:
        """The same as a handshake carries it."""
        return f"?epoch={self.epoch}&seq={self.seq}" if self.epoch else ""

    def welcome(self, epoch: str, seq: int) -> None:
        """The server has said where its log stands: a client without a position begins there."""
        if not self.epoch:
            self.epoch, self.seq = epoch, seq

    def reach(self, epoch: str, seq: int) -> None:
        """A message has arrived; it is applied unless the client has it already or its epoch is over."""
        if seq > self.seq and epoch == self.epoch:
            self.seq = seq
            self.applied += 1

    def gap(self, epoch: str, following: int) -> None:
        """The server no longer has what came before number `following` of `epoch`."""
        if epoch != self.epoch:
            self.epoch, self.seq = epoch, following - 1
        self.seq = max(self.seq, following - 1)


class Publisher(Protocol):
    """Whose publishes go over a connection."""

    def on_ack(self, id: str) -> None:
        """A publish has its place in the log."""

    def on_error(self) -> None:
        """A publish was not carried out."""


class ResumableConnection(FastTextConnection):
    """A connection of `client` to `host` (an index), which goes on from where the client stands.

    `arrival` is True once the server has said all that a new connection is owed, False when the connection ended
    before. `reconnect_at` is the moment (monotonic) at which the server advises to connect elsewhere, None when the
    connection ended without a notice. `over` is set when it has ended. `answers`: a resume is owed an answer. `owner`:
    who is told what became of a publish.
    """

    persona: ClassVar[str] = "reconnecting"
    answers: ClassVar[bool] = True

    def __init__(
        self,
        name: str,
        history: History,
        path: str,
        client: str,
        host: int,
        readings: Readings,
        resumes_from: tuple[str, int] | None,
        subprotocol: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(name, history, path, subprotocol, headers)
        self.client = client
        self.host = host
        self.resumes_from = resumes_from
        self.owner: Publisher | None = None
        self.arrival: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.reconnect_at: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()
        self._readings = readings
        self._received = Received()
        self._kept = False

    @property
    def about(self) -> dict[str, Any]:
        """Also whose connection it is, to which host, and the position (epoch, number) that it goes on from."""
        about = {"client": self.client, "host": self.host, "position": self.resumes_from, "answers": self.answers}
        return {**super().about, **about}

    def publish(self, n: int) -> None:
        """Say the client's message `n`. Only while `present`."""
        raise NotImplementedError

    def on_ack(self, id: str) -> None:
        """Called when the server says that a publish has its place in the log."""
        if self.owner is not None:
            self.owner.on_ack(id)

    def on_error(self) -> None:
        """Called when the server says that it did not carry out what it was asked."""
        if self.owner is not None:
            self.owner.on_error()

    def note(self, now: float, what: str, **detail: Any) -> None:
        """Record what was said beside the numbered messages."""
        self.record(now, what, **detail, frames=len(self._received.at))

    def take_notice(self, now: float, notice: Notice) -> None:
        """The server will stop: this is when to be elsewhere."""
        advice_s = notice.reconnect_after_s
        self.note(now, "notice", deadline_s=notice.deadline_s, reconnect_after_s=advice_s)
        settle(self.reconnect_at, now + (advice_s or 0.0))

    def keep(self) -> None:
        """Put what arrived into the history, once: when the connection is over, or else when the run is."""
        if self.opened and not self._kept:
            self._kept = True
            self.record(time.monotonic(), "received", senders=self._readings.senders, **self._received.columns)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over: nothing more comes."""
        super().connection_lost(exc)
        self.keep()
        self.over.set()
        settle(self.arrival, False)
        settle(self.reconnect_at, None)


class EnvelopeConnection(ResumableConnection):
    """One that speaks `ebb.v1`: it has arrived with its `welcome`, after a resume with `resumed` or `gap`."""

    def __init__(
        self, name: str, history: History, path: str, client: str, host: int, readings: Readings, position: LogPosition
    ) -> None:
        path += position.query
        super().__init__(name, history, path, client, host, readings, position.resume_from, "ebb.v1")
        self._log_position = position
        self._epoch = position.epoch

    def publish(self, n: int) -> None:
        """Publish it with its own number as its id."""
        self.note(time.monotonic(), "published", n=n)
        self.say({"type": "publish", "id": f"{self.client}:{n}", "data": {"s": self.client, "n": n}})

    def say(self, envelope: dict[str, Any]) -> None:
        """Send one envelope. Only while `present`."""
        self.send([json.dumps(envelope)])

    def on_payload(self, now: float, text: bytes) -> None:
        """Keep a numbered message; note what any other envelope means."""
        said = self._readings.known.get(text) or self._readings.read(text)
        if said is not None:
            self._received.add(now, said)
            self._log_position.reach(self._epoch, said[0])
        else:
            self._take(now, text.decode(errors="replace"))

    def _take(self, now: float, text: str) -> None:
        match read_json(text):
            case {"type": "welcome", "epoch": str(epoch), "seq": int(seq)}:
                self.note(now, "welcome", epoch=epoch, seq=seq)
                self._epoch = epoch
                self._log_position.welcome(epoch, seq)
                if self.resumes_from is None:
                    settle(self.arrival, True)
            case {"type": "resumed", "epoch": str(epoch), "seq": int(seq), "replayed": int(replayed)}:
                self.note(now, "resumed", epoch=epoch, seq=seq, replayed=replayed)
                settle(self.arrival, True)
            case {"type": "gap", "after": int(after), "next": int(following), "epoch": str(epoch)}:
                self.note(now, "gap", after=after, next=following, epoch=epoch)
                self._epoch = epoch
                self._log_position.gap(epoch, following)
                settle(self.arrival, True)
            case {"type": "ack", "id": str(id), "seq": int(seq)}:
                self.note(now, "acked", id=id, seq=seq)
                self.on_ack(id)
            case {"type": "error", "code": str(code)}:
                self.note(now, "error", code=code)
                self.on_error()
            case {"type": "draining"} if (notice := read_notice(text)) is not None:
                self.take_notice(now, notice)


def settle(future: asyncio.Future[Any], result: Any) -> None:
    """Give a future its result, unless it has one."""
    if not future.done():
        future.set_result(result)
