"""Requests at a steady rate: readiness, liveness and metrics are polled, as load balancers and monitoring do;
handshakes come late or race the signal; broadcasts are posted over HTTP.

Owns the rates, the random intervals and the records. Refuses to know what the answers should be. A probe that hangs
delays no other.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any

from ..history.record import History
from .http import PROBE_TIMEOUT_S, fetch

READY_EVERY_S = 0.025
HEALTH_EVERY_S = 0.1
POST_EVERY_S = 0.5
LATE_EVERY_S = 0.05
NAME_A_PROCESS = ("worker", "process", "pid")  # labels of a metric
PERIOD_FROM_TO = (0.5, 1.5)  # of the mean: readiness is asked every 25 ms, and after 38 ms at the latest


class Probes:
    """Everything that sends requests to the target at a steady rate, until it is stopped."""

    def __init__(self, port: int, history: History, seed: int = 0) -> None:
        self.port = port
        self.history = history
        self._dice = random.Random(seed)
        self._failures: list[BaseException] = []
        self._endless: list[asyncio.Task[Any]] = []
        self._in_flight: set[asyncio.Task[Any]] = set()

    def poll(self, who: str, path: str, every_s: float) -> None:
        """Ask `path` every `every_s`, recorded as `who`."""
        self.repeat(every_s, lambda _: self._probe(who, path))

    def post(self, path: str, every_s: float = POST_EVERY_S) -> None:
        """Post a numbered broadcast every `every_s`."""
        self.repeat(every_s, lambda n: self._post(path, n))

    def repeat(self, every_s: float, act: Callable[[int], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any]:
        """Begin `act(n)` about every `every_s`, n counting from 0, without waiting for the one before.

        The intervals are irregular, so that a fault at a certain moment of a period is met sooner or later.
        """
        return self.keep(self._rounds_of(every_s, act, random.Random(self._dice.random())))

    def keep(self, endless: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine without an end until `stop`, or until its task is cancelled."""
        self._endless.append(self._begin(endless))
        return self._endless[-1]

    def spawn(self, act: Coroutine[Any, Any, Any]) -> None:
        """Run one act concurrently; `stop` waits for it."""
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

    async def _rounds_of(
        self, every_s: float, act: Callable[[int], Coroutine[Any, Any, Any]], dice: random.Random
    ) -> None:
        due = time.monotonic()
        for n, gap_s in enumerate(gaps(every_s, dice)):
            self.spawn(act(n))
            # A harness that fell behind skips what it missed: no burst to catch up.
            due = max(due, time.monotonic() - every_s) + gap_s
            await asyncio.sleep(due - time.monotonic())

    async def _probe(self, who: str, path: str) -> None:
        began = time.monotonic()
        reply = await fetch(self.port, path)
        more: dict[str, Any] = _phase(reply.body) if who == "health" else {}
        if who == "metrics" and (gauge := self.history.terms.profile.gauge) is not None:
            values = values_of(gauge, reply.body)
            more = {"connections": sum(values.values()) if values else None, "of_each": values}
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


def gaps(every_s: float, dice: random.Random) -> Iterator[float]:
    """The times between one round and the next, without end: irregular, with the mean `every_s`."""
    while True:
        yield every_s * dice.uniform(*PERIOD_FROM_TO)


def _phase(body: bytes) -> dict[str, str]:
    """The phase in a liveness answer, if it has one."""
    try:
        health = json.loads(body)
    except ValueError:
        return {}
    phase = health.get("phase") if isinstance(health, dict) else None
    return {"phase": phase} if isinstance(phase, str) else {}


def values_of(gauge: str, exposition: bytes) -> dict[str, float]:
    """The values of a gauge in Prometheus' text format, one for each process, by the labels that name it.

    They are `worker`, `process` and `pid`; whatever else it is labelled with is summed. Without any the name is empty.
    """
    values: dict[str, float] = {}
    sample = re.compile(rf"^{re.escape(gauge)}(\{{[^\n]*\}})? (\S+)", re.MULTILINE)
    for labels, value in sample.findall(exposition.decode(errors="replace")):
        found = dict(re.findall(r'\b(\w+)="([^"\n]*)"', labels))
        process = "/".join(found[label] for label in NAME_A_PROCESS if label in found)
        try:
            values[process] = values.get(process, 0.0) + float(value)
        except ValueError:
            return {}
    return values


async def salvo(moments: Sequence[float], act: Callable[[int], Awaitable[Any]]) -> None:
    """Begin `act(n)` at the n-th of the moments (CLOCK_MONOTONIC), and wait for all."""

    async def one(n: int, moment: float) -> None:
        await asyncio.sleep(moment - time.monotonic())
        await act(n)

    await asyncio.gather(*(one(n, moment) for n, moment in enumerate(moments)))
