"""What an operator's machinery sees: readiness, liveness and metrics, polled; handshakes that come late or
race the signal; broadcasts posted over HTTP.

Owns the rates and the records. Refuses to know what the answers should be. Each probe is a connection of its
own: that is what load balancers do, it asks the listener as well as the application, and no idle connection
of ours is left in the way of a server that waits for its connections. A probe that hangs delays no other.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from ..history.record import History
from .network import HOST, name_of

PROBE_TIMEOUT_S = 1.0
READY_EVERY_S = 0.025
HEALTH_EVERY_S = 0.1
POST_EVERY_S = 0.5
LATE_EVERY_S = 0.05
LONGEST_REPLY = 65536  # a page of metrics that is longer is cut
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Reply(NamedTuple):
    """The answer to one HTTP request: a status and a body, or the error that came instead."""

    status: int | None
    error: str | None = None
    body: bytes = b""


async def fetch(
    port: int, path: str, *, host: str = HOST, body: bytes | None = None, timeout_s: float = PROBE_TIMEOUT_S
) -> Reply:
    """One HTTP request on a connection of its own: GET, or POST where there is a body.

    Never raises for what the server does; gives up after `timeout_s` with the error "timeout".
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _exchange(host, port, _request(host, port, path, body))
    except OSError as error:
        return Reply(None, name_of(error))
    except ValueError:
        return Reply(None, "not HTTP")


def _request(host: str, port: int, path: str, body: bytes | None) -> bytes:
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
    if body is None:
        return f"{head}\r\n".encode()
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def _exchange(host: str, port: int, request: bytes) -> Reply:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        reply = b""
        while not _is_complete(reply) and (chunk := await reader.read(LONGEST_REPLY)):
            reply += chunk
    finally:
        writer.transport.abort()
    if not reply:
        return Reply(None, "eof")
    head, _, body = reply.partition(b"\r\n\r\n")
    return Reply(int(head.split(None, 2)[1]), None, body)


def _is_complete(reply: bytes) -> bool:
    """Whether nothing more has to come, also from a server that keeps the connection open all the same."""
    head, ended, body = reply.partition(b"\r\n\r\n")
    length = CONTENT_LENGTH.search(head)
    if not ended or length is None:
        return len(reply) > LONGEST_REPLY or body.endswith(b"0\r\n\r\n")
    return len(body) >= min(int(length[1]), LONGEST_REPLY)


class Probes:
    """Everything that asks the target for something at a steady rate, until it is stopped."""

    def __init__(self, port: int, history: History) -> None:
        self.port = port
        self.history = history
        self._failures: list[BaseException] = []
        self._endless: list[asyncio.Task[Any]] = []
        self._in_flight: set[asyncio.Task[Any]] = set()

    def poll(self, who: str, path: str, every_s: float) -> None:
        """Ask `path` every `every_s`, recorded as `who`."""
        self.repeat(every_s, lambda _: self._probe(who, path))

    def post(self, path: str, every_s: float = POST_EVERY_S) -> None:
        """Post a numbered broadcast every `every_s`."""
        self.repeat(every_s, lambda n: self._post(path, n))

    def repeat(self, every_s: float, act: Callable[[int], Coroutine[Any, Any, Any]]) -> None:
        """Begin `act(n)` every `every_s`, n counting from 0, without waiting for the one before."""
        self.keep(self._rounds_of(every_s, act))

    def keep(self, endless: Coroutine[Any, Any, Any]) -> None:
        """Let something without an end run until `stop`."""
        self._endless.append(self._begin(endless))

    def spawn(self, act: Coroutine[Any, Any, Any]) -> None:
        """Let one act run beside the others; `stop` waits for it."""
        task = self._begin(act)
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def stop(self, patience_s: float = PROBE_TIMEOUT_S) -> None:
        """Begin nothing more; give what is in flight `patience_s` to be answered, then drop it.

        Raises what a probe raised: never because of the target, so it is a fault of the harness.
        """
        for task in self._endless:
            task.cancel()
        if self._in_flight:
            _, unanswered = await asyncio.wait(self._in_flight, timeout=patience_s)
            for task in unanswered:
                task.cancel()
        if self._failures:
            raise self._failures.pop()

    def _begin(self, act: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(act)
        task.add_done_callback(self._note_failure)
        return task

    def _note_failure(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (failure := task.exception()) is not None:
            self._failures.append(failure)

    async def _rounds_of(self, every_s: float, act: Callable[[int], Coroutine[Any, Any, Any]]) -> None:
        began = time.monotonic()
        n = 0
        while True:
            self.spawn(act(n))
            # A harness that fell behind skips the beats that it missed: no burst to catch up.
            n = max(n + 1, int((time.monotonic() - began) / every_s))
            await asyncio.sleep(began + n * every_s - time.monotonic())

    async def _probe(self, who: str, path: str) -> None:
        began = time.monotonic()
        reply = await fetch(self.port, path)
        more: dict[str, Any] = _phase(reply.body) if who == "health" else {}
        if who == "metrics" and (gauge := self.history.terms.gauge) is not None:
            more = {"connections": value_of(gauge, reply.body), "worker": worker_of(gauge, reply.body)}
        self.history.record(
            time.monotonic(), who, "answered", began=began, status=reply.status, error=reply.error, **more
        )

    async def _post(self, path: str, n: int) -> None:
        began = time.monotonic()
        body = json.dumps({"data": f"m:broadcast:{n}"}).encode()
        reply = await fetch(self.port, path, body=body)
        self.history.record(
            time.monotonic(), "broadcast", "posted", n=n, began=began, status=reply.status, error=reply.error
        )


def _phase(body: bytes) -> dict[str, str]:
    """The phase that a liveness answer names, if it names one."""
    try:
        health = json.loads(body)
    except ValueError:
        return {}
    phase = health.get("phase") if isinstance(health, dict) else None
    return {"phase": phase} if isinstance(phase, str) else {}


def value_of(gauge: str, exposition: bytes) -> float | None:
    """The value of a gauge in Prometheus' text format, summed over its labels; None where it is not there."""
    lines = re.findall(
        rf"^{re.escape(gauge)}(?:\{{[^\n]*\}})? (\S+)", exposition.decode(errors="replace"), re.MULTILINE
    )
    try:
        return sum(map(float, lines)) if lines else None
    except ValueError:
        return None


def worker_of(gauge: str, exposition: bytes) -> str | None:
    """The label by which a gauge says of which process it speaks; None where it has none."""
    found = re.search(
        rf"^{re.escape(gauge)}\{{[^\n]*\bworker=\"([^\"\n]*)\"", exposition.decode(errors="replace"), re.M
    )
    return found[1] if found else None


async def salvo(moments: Sequence[float], act: Callable[[int], Awaitable[Any]]) -> None:
    """Begin `act(n)` at the n-th of the moments (CLOCK_MONOTONIC), and wait for all."""

    async def one(n: int, moment: float) -> None:
        await asyncio.sleep(moment - time.monotonic())
        await act(n)

    await asyncio.gather(*(one(n, moment) for n, moment in enumerate(moments)))
