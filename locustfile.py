"""Load for Ebb, or any server with the same plain-text endpoints; its exit status is a gate for CI.

    locust -f locustfile.py --headless -u 500 -r 100 -t 20s --host http://127.0.0.1:8000

Owns the users (connect, stay, send a text, time its echo, close, begin again), the name of each step in locust's
statistics, and the verdict. Does not know how the server is built, nor the clauses, which belong to the harness.

| event     | what is timed                                                        | fails when                      |
|-----------|----------------------------------------------------------------------|---------------------------------|
| connect   | a handshake                                                          | the handshake fails             |
| echo      | from a text to its `You said: ...`                                   | the echo does not come in time  |
| close     | the closing handshake                                                | it is not complete              |
| reconnect | the handshake of a user that got the drain notice                    | the handshake fails             |
| refused   | a handshake answered with 503; the user backs off and tries again    | never; the last attempt fails   |
| evicted   | nothing: closed with 1012, and the client may reconnect              | never                           |
| lost      | nothing: the connection ended in any other way                       | always                          |

Rules. A user that gets a drain notice first opens a new connection, at the advised moment, and then closes the old one.
The code fires events itself: `events.request.measure` swallows exceptions, and counts a user that is stopped as served.
A text goes to all other users too, so the server's work grows with the square of the users; `--echoes-per-s` is
therefore the rate of all users of a process together. The users are greenlets and the client is the threaded one of
`websockets`: locust's monkey patching makes its threads greenlets. A connection costs three descriptors here.

The gate judges locust's statistics after all users have left; locust writes the CSV before. A master waits half a
second for its workers' last figures and may miss some closes, so each worker also judges its own users.
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
    """Add our options to locust's command line; a master passes them to its workers."""
    ours = parser.add_argument_group("Ebb")
    ours.add_argument("--echoes-per-s", type=float, default=20, help="texts a second, all users together (default 20)")
    ours.add_argument("--echo-timeout-s", type=float, default=5, help="an echo that takes longer fails (default 5)")
    ours.add_argument("--patience-s", type=float, default=30, help="how long to try again after a 503 (default 30)")
    ours.add_argument("--gate-fail-ratio", type=float, default=0, help="failed requests allowed, 0 to 1 (default 0)")
    ours.add_argument("--gate-echo-p99-ms", type=float, default=0, help="slowest p99 of the echo; 0 for any (default)")
    ours.add_argument("--gate-json", metavar="FILE", default="", help="write the verdict and its figures here")


def open_connection(host: str) -> ClientConnection:
    """Connect with a new client id (the same id twice would replace the first). Raises one of FAILURES.

    No bound on what is unread: with one, websockets 17 stops reading when it is reached, also while it closes, and
    waits in vain for the server's close frame behind that.
    """
    url = f"{re.sub('^http', 'ws', host.rstrip('/'))}/ws/locust-{uuid.uuid4().hex[:12]}"
    return connect(url, proxy=None, compression=None, ping_interval=None, max_queue=None, legacy=True)


def backoff_s(refusal: Exception, attempt: int) -> float | None:
    """The pause after a 503: Retry-After plus a random part of a window that doubles, to spread users. Else None."""
    if not isinstance(refusal, InvalidStatus) or refusal.response.status_code != SERVICE_UNAVAILABLE:
        return None
    named = refusal.response.headers.get("Retry-After", "")
    retry_after_s = float(named) if named.isdigit() else RETRY_AFTER_S
    return retry_after_s + random.uniform(0, min(max(retry_after_s, RETRY_AFTER_S) * 2**attempt, LONGEST_BACKOFF_S))


class WebSocketUser(User):
    """One client, on one connection; on two while it moves."""

    host = "http://127.0.0.1:8000"
    wait_time = between(0, 1)
    socket: ClientConnection | None = None
    moves_at = math.inf

    @task
    def visit(self) -> None:
        """Connect, stay, send one text, close. A failure is recorded where it happens, and ends the visit."""
        options = self.environment.parsed_options
        users = max(1, self.environment.runner.target_user_count)
        try:
            self.socket = self.arrive("connect")
            self.stay(random.expovariate(options.echoes_per_s / users))
            self.say(uuid.uuid4().hex, options.echo_timeout_s)
        except ConnectionClosed as closed:
            self.socket = None
            evicted = closed.rcvd is not None and closed.rcvd.code == CloseCode.SERVICE_RESTART
            self.record("evicted" if evicted else "lost", failure=None if evicted else closed)
        except FAILURES:
            pass
        self.on_stop()

    def on_stop(self) -> None:
        """Close the connection, also when locust ends the run in the middle of a visit."""
        if self.socket is not None:
            self.leave(self.socket)
        self.socket, self.moves_at = None, math.inf

    def arrive(self, name: str) -> ClientConnection:
        """Connect; after a 503, back off and try again until the patience ends. Raises one of FAILURES."""
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
        raise AssertionError("the loop returns a connection or raises")

    def stay(self, seconds: float) -> None:
        """Read the texts of others, and move at the advised moment."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            if now >= self.moves_at:
                self.move()
            self.hear(min(until, self.moves_at))

    def move(self) -> None:
        """Open a new connection, then close the old one, so that no text is missed."""
        self.moves_at = math.inf
        old, self.socket = self.socket, self.arrive("reconnect")
        if old is not None:
            self.leave(old)

    def say(self, text: str, timeout_s: float) -> None:
        """Send a text and time its echo. If the connection ends first, the text may not have arrived: no verdict."""
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

        In a greenlet of its own: a `close` that locust interrupts and on_stop begins again would abort the connection.
        """
        began = time.perf_counter()
        gevent.spawn(connection.close).join()
        complete = connection.close_code != CloseCode.ABNORMAL_CLOSURE
        self.record("close", began, None if complete else ConnectionError("no closing handshake"))

    def hear(self, until: float) -> str | None:
        """Wait for the next text until a moment, and remember a drain notice. Raises ConnectionClosed."""
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
        """Fire one request event; `began` is of the performance counter, or None if nothing is timed."""
        took_ms = None if began is None else (time.perf_counter() - began) * 1000
        self.environment.events.request.fire(
            request_type=WS, name=name, response_time=took_ms, response_length=0, exception=failure, context={}
        )


# ---- The gate ----

of_this_worker = RequestStats()


def prepare(environment: Environment, runner: Any, **_: Any) -> None:
    """Check that the server is there before any user connects; a worker keeps a record, as locust empties its own."""
    options: Any = environment.parsed_options
    if isinstance(runner, WorkerRunner):
        environment.events.request.add_listener(keep)
    elif options.headless:
        host = environment.host or WebSocketUser.host
        try:
            open_connection(host).close()
        except FAILURES as reason:
            todo = "start a server with `uvicorn server.main:app`, or name yours with --host"
            logging.error(f"no connection to {host} ({reason}): {todo}")
            sys.exit(1)


def keep(request_type: str, name: str, response_time: int, exception: Exception | None, **_: Any) -> None:
    """Add a request to this worker's own record."""
    of_this_worker.log_request(request_type, name, response_time, 0)
    if exception is not None:
        of_this_worker.log_error(request_type, name, exception)


def judge(environment: Environment, **_: Any) -> None:
    """Set the exit status, 0 or 1, and say why."""
    runner: Any = environment.runner
    options: Any = environment.parsed_options
    is_worker = isinstance(runner, WorkerRunner)
    runner.quit()  # after Ctrl+C the users are still connected
    stats = of_this_worker if is_worker else environment.stats
    reasons = list(shortcomings(stats, options)) if stats.num_requests or not is_worker else []
    reasons += [f"a user raised: {raised['msg']}" for raised in runner.exceptions.values()]
    for reason in reasons:
        logging.error(f"gate: {reason}")
    environment.process_exit_code = 1 if reasons else 0
    if options.gate_json and not is_worker:
        report = {"exit": environment.process_exit_code, "reasons": reasons, "events": figures(stats)}
        Path(options.gate_json).write_text(json.dumps(report, indent=2) + "\n")


def shortcomings(stats: RequestStats, options: Any) -> Iterator[str]:
    """Why the run fails the gate; nothing if it passes."""
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
    """The count and the times of each event."""
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
