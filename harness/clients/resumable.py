"""One connection that can resume, and that records everything said on it; the one for `ebb.v1`, with its log position.

Owns what all such connections have in common, `ResumableConnection`, and what each envelope means on a connection of
`ebb.v1`; the one for a declared conversation is in `resumable_talk`. Refuses to know the client's other connections,
and when to connect and to leave (`harness.clients.reconnecting`).

The numbered messages are recorded as columns of one event, `received`, when the connection has ended. Other envelopes
are recorded as events at once: `welcome`, `resumed`, `gap`, `acked`, `error`, `notice`. Their `frames` is the number
of numbered messages that had arrived on this connection before.
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
    """The position of a client in the log, which it sends to a server when it reconnects. `epoch` is empty at first.

    The position is the epoch of the last `welcome` or `gap`, and the highest number received in it. Several connections
    of one client may be open at once, and a message on any of them moves the position. Every connection delivers its
    messages in order and without a hole from where it began: a number up to the highest one is a message that the
    client already has, and a number above it is the next message.
    """

    def __init__(self) -> None:
        self.epoch = ""
        self.seq = 0
        self.applied = 0

    @property
    def resume_from(self) -> tuple[str, int] | None:
        """The epoch and the number to resume from; None before the first `welcome`."""
        return (self.epoch, self.seq) if self.epoch else None

    @property
    def query(self) -> str:
        """The position as the query of a handshake."""
        return f"?epoch={self.epoch}&seq={self.seq}" if self.epoch else ""

    def welcome(self, epoch: str, seq: int) -> None:
        """Take the server's position from its `welcome`, if the client has none yet."""
        if not self.epoch:
            self.epoch, self.seq = epoch, seq

    def reach(self, epoch: str, seq: int) -> None:
        """Apply a message that has arrived, unless the client already has it or its epoch is over."""
        if seq > self.seq and epoch == self.epoch:
            self.seq = seq
            self.applied += 1

    def gap(self, epoch: str, following: int) -> None:
        """Continue at number `following` of `epoch`: the server no longer has what came before."""
        if epoch != self.epoch:
            self.epoch, self.seq = epoch, following - 1
        self.seq = max(self.seq, following - 1)


class Publisher(Protocol):
    """The owner of a connection, who publishes on it."""

    def on_ack(self, id: str) -> None:
        """Called when a publish was acknowledged."""

    def on_error(self) -> None:
        """Called when a publish was not carried out."""


class ResumableConnection(FastTextConnection):
    """A connection of `client` to `host` (an index), which continues from the client's position.

    `arrival` is True once the server has sent everything that it owes a new connection, False when the connection ended
    before. `reconnect_at` is the moment (monotonic) at which the server advises to connect elsewhere, None when the
    connection ended without a notice. `over` is set when the connection has ended. `answers`: the server owes an answer
    to a resume. `owner` is called with the result of each publish.
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
        """Adds the client, the host, and the position (epoch, number) from which the connection continues."""
        about = {"client": self.client, "host": self.host, "position": self.resumes_from, "answers": self.answers}
        return {**super().about, **about}

    def publish(self, n: int) -> None:
        """Publish the client's message `n`. Only while `present`."""
        raise NotImplementedError

    def on_ack(self, id: str) -> None:
        """Called when the server acknowledges a publish."""
        if self.owner is not None:
            self.owner.on_ack(id)

    def on_error(self) -> None:
        """Called when the server says that it did not carry out a request."""
        if self.owner is not None:
            self.owner.on_error()

    def note(self, now: float, what: str, **detail: Any) -> None:
        """Record an envelope that is no numbered message."""
        self.record(now, what, **detail, frames=len(self._received.at))

    def take_notice(self, now: float, notice: Notice) -> None:
        """Record the drain notice, and plan when to reconnect elsewhere."""
        advice_s = notice.reconnect_after_s
        self.note(now, "notice", deadline_s=notice.deadline_s, reconnect_after_s=advice_s)
        settle(self.reconnect_at, now + (advice_s or 0.0))

    def keep(self) -> None:
        """Record what arrived in the history, once: at the end of the connection, or else of the run."""
        if self.opened and not self._kept:
            self._kept = True
            self.record(time.monotonic(), "received", senders=self._readings.senders, **self._received.columns)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended: record what arrived on it."""
        super().connection_lost(exc)
        self.keep()
        self.over.set()
        settle(self.arrival, False)
        settle(self.reconnect_at, None)


class EnvelopeConnection(ResumableConnection):
    """A connection that speaks `ebb.v1`: it arrives with its `welcome`, or after a resume with `resumed` or `gap`."""

    def __init__(
        self, name: str, history: History, path: str, client: str, host: int, readings: Readings, position: LogPosition
    ) -> None:
        path += position.query
        super().__init__(name, history, path, client, host, readings, position.resume_from, "ebb.v1")
        self._log_position = position
        self._epoch = position.epoch

    def publish(self, n: int) -> None:
        """Publish message `n`, with the client's name and `n` as its id."""
        self.note(time.monotonic(), "published", n=n)
        self.say({"type": "publish", "id": f"{self.client}:{n}", "data": {"s": self.client, "n": n}})

    def say(self, envelope: dict[str, Any]) -> None:
        """Send one envelope. Only while `present`."""
        self.send([json.dumps(envelope)])

    def on_payload(self, now: float, text: bytes) -> None:
        """Keep a numbered message; record what any other envelope means."""
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
