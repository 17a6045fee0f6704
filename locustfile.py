"""Connection load for Ebb, or any server that speaks as it does, which gates CI by its exit status.

    locust -f locustfile.py --headless -u 500 -r 100 -t 20s --host http://127.0.0.1:8000

Owns the visitors (arrive, stay, say something, time its echo, leave, come again), what each of their steps is called in
locust's statistics, and the verdict. Refuses to know how the server is built, and the clauses: those are the harness's.

| event     | what is timed                                                        | fails when                      |
|-----------|----------------------------------------------------------------------|---------------------------------|
| connect   | a handshake                                                          | it does                         |
| echo      | from a text to its `You said: ...`                                   | it is not there in time         |
| close     | the closing handshake                                                | it is not completed             |
| reconnect | the handshake of a visitor who was told to move                      | it does                         |
| refused   | a handshake answered with 503: it backs off, and knocks again        | never; the last knock does      |
| evicted   | nothing: closed with 1012, which a client that may come back is owed | never                           |
| lost      | nothing: the connection ended in any other way                       | always                          |

Rules. Whoever is told of a drain connects anew first, at the moment it was advised, and leaves the old connection then.
Events are fired by hand: `events.request.measure` swallows exceptions, and takes a visitor who is stopped for served.
A text goes to everyone else too, so what the server sends grows with the square of the visitors: `--echoes-per-s` holds
the rate of all visitors of a process together. The visitors are greenlets, the client is `websockets`' threaded one:
locust's monkey patching makes its threads greenlets. A connection costs three descriptors here.

The gate judges locust's statistics once everyone has left; the CSV is written before. A master waits half a second for
its workers' last figures, and may miss some closes; so each worker judges its own visitors as well.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import itertools
import json
import logging
import math
import random
import re
import sys
import time
import uuid
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
from locust import User, between, events, log, task
from locust.env import Environment
from locust.runners import WorkerRunner
from locust.stats import RequestStats
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection, connect

WS = "WS"
NOTICE = '{"type":"draining"'
SERVICE_UNAVAILABLE = 503
RETRY_AFTER_S = 1.0  # where a refusal names none
LONGEST_BACKOFF_S = 16.0
FAILURES = (OSError, WebSocketException)


def options_of_ours(parser: ArgumentParser) -> None:
    """Add ours to locust's command line; a master hands them on to its workers."""
    ours = parser.add_argument_group("Ebb")
    ours.add_argument("--echoes-per-s", type=float, default=20, help="texts a second, all users together (default 20)")
    ours.add_argument("--echo-timeout-s", type=float, default=5, help="an echo later than this has failed (default 5)")
    ours.add_argument("--patience-s", type=float, default=30, help="how long a 503 is taken for an answer (default 30)")
    ours.add_argument("--gate-fail-ratio", type=float, default=0, help="failed requests allowed, 0 to 1 (default 0)")
    ours.add_argument("--gate-echo-p99-ms", type=float, default=0, help="slowest p99 of the echo; 0 for any (default)")
    ours.add_argument("--gate-json", metavar="FILE", default="", help="write the verdict and its figures here")


def open_connection(host: str) -> ClientConnection:
    """Connect under a name of its own (the same name twice would replace the first). Raises one of FAILURES."""
    url = f"{re.sub('^http', 'ws', host.rstrip('/'))}/ws/locust-{uuid.uuid4().hex[:12]}"
    return connect(url, proxy=None, compression=None, ping_interval=None, legacy=True)


def backoff_s(refusal: Exception, attempt: int) -> float | None:
    """After a 503: not before Retry-After, then anywhere in a window that doubles, so nobody stampedes. Else None."""
    if not isinstance(refusal, InvalidStatus) or refusal.response.status_code != SERVICE_UNAVAILABLE:
        return None
    named = refusal.response.headers.get("Retry-After", "")
    retry_after_s = float(named) if named.isdigit() else RETRY_AFTER_S
    return retry_after_s + random.uniform(0, min(max(retry_after_s, RETRY_AFTER_S) * 2**attempt, LONGEST_BACKOFF_S))


class Visitor(User):
    """One client, on one connection; on two while it moves."""

    host = "http://127.0.0.1:8000"
    wait_time = between(0, 1)
    socket: ClientConnection | None = None
    moves_at = math.inf

    @task
    def visit(self) -> None:
        """Arrive, stay, say one thing, leave. What fails is recorded where it does, and ends the visit."""
        options = self.environment.parsed_options
        visitors = max(1, self.environment.runner.target_user_count)
        try:
            self.socket = self.arrive("connect")
            self.stay(random.expovariate(options.echoes_per_s / visitors))
            self.say(uuid.uuid4().hex, options.echo_timeout_s)
        except ConnectionClosed as closed:
            self.socket = None
            evicted = closed.rcvd is not None and closed.rcvd.code == CloseCode.SERVICE_RESTART
            self.record("evicted" if evicted else "lost", failure=None if evicted else closed)
        except FAILURES:
            pass
        self.on_stop()

    def on_stop(self) -> None:
        """Leave, also when locust ends the run in the middle of a visit."""
        if self.socket is not None:
            self.leave(self.socket)
        self.socket, self.moves_at = None, math.inf

    def arrive(self, name: str) -> ClientConnection:
        """Connect; when refused with 503, back off and knock again until patience ends. Raises one of FAILURES."""
        patience_ends = time.monotonic() + self.environment.parsed_options.patience_s
        for attempt in itertools.count():
            began = time.perf_counter()
            try:
                connection = open_connection(self.environment.host or self.host)
                self.record(name, began)
                return connection
            except FAILURES as failure:
                pause_s = backoff_s(failure, attempt)
                if pause_s is None or time.monotonic() > patience_ends:
                    self.record(name, began, failure)
                    raise
                self.record("refused", began)
            self.stay(pause_s)
        raise AssertionError("it knocks until it is let in, or raises")

    def stay(self, seconds: float) -> None:
        """Read what the others say, and move when the moment comes."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            if now >= self.moves_at:
                self.move()
            self.hear(min(until, self.moves_at))

    def move(self) -> None:
        """Connect anew, then leave the old connection: so it misses nothing."""
        self.moves_at = math.inf
        old, self.socket = self.socket, self.arrive("reconnect")
        if old is not None:
            self.leave(old)

    def say(self, text: str, timeout_s: float) -> None:
        """Say it, and time the echo. Cut off meanwhile, nobody knows whether the server heard it: no verdict then."""
        assert self.socket is not None
        began = time.perf_counter()
        self.socket.send(text)
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if self.hear(until) == f"You said: {text}":
                self.record("echo", began)
                return
        self.record("echo", began, TimeoutError(f"no echo within {timeout_s:g} s"))

    def leave(self, connection: ClientConnection) -> None:
        """Close with the full closing handshake.

        In a greenlet of its own: a `close` that locust interrupts, and on_stop begins again, cuts the connection off.
        """
        began = time.perf_counter()
        gevent.spawn(connection.close).join()
        complete = connection.close_code != CloseCode.ABNORMAL_CLOSURE
        self.record("close", began, None if complete else ConnectionError("no closing handshake"))

    def hear(self, until: float) -> str | None:
        """Wait for the next text until a moment, and note a drain notice. Raises ConnectionClosed."""
        left_s = max(0.0, until - time.monotonic())
        if self.socket is None:
            time.sleep(left_s)
            return None
        try:
            text = self.socket.recv(left_s, decode=True)
        except TimeoutError:
            return None
        if text.startswith(NOTICE):
            self.moves_at = time.monotonic() + json.loads(text)["reconnect_after_s"]
        return text

    def record(self, name: str, began: float | None = None, failure: Exception | None = None) -> None:
        """Fire one request event; `began` by the performance counter, None where there is nothing to time."""
        took_ms = None if began is None else (time.perf_counter() - began) * 1000
        self.environment.events.request.fire(
            request_type=WS, name=name, response_time=took_ms, response_length=0, exception=failure, context={}
        )


# ---- The gate ----

of_this_worker = RequestStats()


def prepare(environment: Environment, runner: Any, **_: Any) -> None:
    """Find the server before any visitor looks for it; a worker starts a ledger, as locust empties its statistics."""
    options: Any = environment.parsed_options
    if isinstance(runner, WorkerRunner):
        environment.events.request.add_listener(keep)
    elif options.headless:
        host = environment.host or Visitor.host
        try:
            open_connection(host).close()
        except FAILURES as reason:
            todo = "start a server with `uvicorn server.main:app`, or name yours with --host"
            logging.error(f"nobody gets in at {host} ({reason}): {todo}")
            sys.exit(1)


def keep(request_type: str, name: str, response_time: int, exception: Exception | None, **_: Any) -> None:
    """Enter a request into this worker's own ledger."""
    of_this_worker.log_request(request_type, name, response_time, 0)
    if exception is not None:
        of_this_worker.log_error(request_type, name, exception)


def judge(environment: Environment, **_: Any) -> None:
    """Set the exit status, 0 or 1, and say why."""
    runner: Any = environment.runner
    options: Any = environment.parsed_options
    is_worker = isinstance(runner, WorkerRunner)
    runner.quit()  # after Ctrl+C the visitors are still there
    stats = of_this_worker if is_worker else environment.stats
    reasons = list(shortcomings(stats, options)) if stats.num_requests or not is_worker else []
    reasons += [f"a visitor raised: {raised['msg']}" for raised in runner.exceptions.values()]
    for reason in reasons:
        logging.error(f"gate: {reason}")
    environment.process_exit_code = 1 if reasons else 0
    if options.gate_json and not is_worker:
        report = {"exit": environment.process_exit_code, "reasons": reasons, "events": figures(stats)}
        Path(options.gate_json).write_text(json.dumps(report, indent=2) + "\n")


def shortcomings(stats: RequestStats, options: Any) -> Iterator[str]:
    """Why the run is not good enough; nothing when it is."""
    total, echo = stats.total, stats.get("echo", WS)
    p99_ms, allowed_ms = echo.get_response_time_percentile(0.99), options.gate_echo_p99_ms
    if total.fail_ratio > options.gate_fail_ratio:
        yield f"{total.num_failures} of {total.num_requests} requests failed, allowed ratio {options.gate_fail_ratio:g}"
    if echo.num_requests == echo.num_failures:
        yield "not one text was echoed"
    if 0 < allowed_ms < p99_ms:
        yield f"p99 of the echo is {p99_ms} ms, limit {allowed_ms:g} ms"
    if log.unhandled_greenlet_exception:
        yield "locust logged an unhandled exception, see above"


def figures(stats: RequestStats) -> dict[str, dict[str, int]]:
    """What happened how often, and how fast."""
    return {
        name: {
            "requests": entry.num_requests,
            "failures": entry.num_failures,
            "p50_ms": entry.get_response_time_percentile(0.5),
            "p99_ms": entry.get_response_time_percentile(0.99),
        }
        for (name, _), entry in sorted(stats.entries.items())
    }


events.init_command_line_parser.add_listener(options_of_ours)
events.init.add_listener(prepare)
events.quitting.add_listener(judge)
