"""Literal histories that read like stories, and cases: a story, its verdict, a phrase of the evidence.

Times are seconds relative to t0. `healthy()` is a forced drain that passes every clause except 16, which is
about a target that all clients left early and has its own story, `deserted()`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self

import pytest

from harness.clauses import Clause, Judgement, Verdict
from harness.history.record import History
from harness.history.stop import SENT_HOME
from harness.history.terms import Terms
from harness.targets.declaration import Profile

PASS, FAIL, UNKNOWN, EXCLUDED = Verdict
T0 = 1000.0  # any moment of the monotonic clock
TERMS = Terms(
    drain_timeout_s=5.0,
    evict_per_s=20.0,
    close_timeout_s=1.0,
    reconnect_window_s=2.5,
    notify_interval_s=1.0,
    profile=Profile(
        command="{port}",
        drained_statuses=(0,),
        forced_statuses=(130,),
        startup_statuses=(0, -15),
        close_codes=(1012,),
        progress_interval_s=2.0,
        progress_env="PROGRESS_S",
        report=True,
        gauge="ebb_connections",
    ),
)
SHUTDOWN = "INFO:     Waiting for application shutdown."
CROWD = 60
POSTS = range(8)
BUSY = ("busy-1", "busy-2")
MESSAGES = range(12)
SPREAD, GOLDEN = object(), (5**0.5 - 1) / 2


class Story:
    """Builds events. After `client` or `handshake` the following events are about that client."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.terms = terms
        self.events: list[tuple[float, str, str, dict[str, Any]]] = []
        self.who = ""

    def history(self) -> History:
        history = History(self.terms)
        for t, who, what, detail in sorted(self.events, key=lambda event: event[0]):
            begun = {"began": T0 + detail["began"]} if "began" in detail else {}
            history.record(T0 + t, who, what, **{**detail, **begun})
        return history

    # the story as a whole
    def itself(self) -> Self:
        return self

    def under(self, **terms: Any) -> Self:
        """Change the terms; a name that the terms do not have changes the profile in them."""
        asked = {name: value for name, value in terms.items() if name in Terms.__dataclass_fields__}
        declared = {name: value for name, value in terms.items() if name not in asked}
        self.terms = replace(self.terms, profile=self.terms.profile.changed(**declared), **asked)
        return self

    def without(self, who: str = "", what: str = "") -> Self:
        """Leave out the events of all whose names begin with `who`, or only those of one kind."""
        self.events = [event for event in self.events if not (event[1].startswith(who) and what in ("", event[2]))]
        return self

    def until(self, t: float) -> Self:
        self.events = [event for event in self.events if event[0] <= t]
        return self

    def about(self, who: str) -> Self:
        self.who = who
        return self

    def add(self, t: float, what: str, **detail: Any) -> Self:
        self.events.append((t, self.who, what, detail))
        return self

    # clients
    def handshake(self, name: str, began: float, hostile: bool = False) -> Self:
        persona = name.rpartition("-")[0]
        return self.about(name).add(began, "connecting", path="/ws", persona=persona, hostile=hostile, subprotocol=None)

    def opened(self, t: float, local_port: int | None = None) -> Self:
        return self.add(t, "opened", local_port=local_port)

    def refused(self, t: float, status: int = 503, retry_after: str | None = "5") -> Self:
        return self.add(t, "refused", status=status, retry_after=retry_after)

    def failed(self, t: float, error: str) -> Self:
        return self.add(t, "failed", error=error)

    def client(self, name: str, opened: float = -1.0, hostile: bool = False, port: int | None = None) -> Self:
        return self.handshake(name, opened - 0.01, hostile).opened(opened, port)

    def waits_to_be_let_in(self, name: str, opened: float = -1.0) -> Self:
        """A client that is in only when its protocol lets it in: see `is_let_in`."""
        about = {"path": "/ws", "persona": name.rpartition("-")[0], "hostile": False, "subprotocol": None}
        return self.about(name).add(opened - 0.01, "connecting", waits=True, **about).opened(opened)

    def is_let_in(self, t: float) -> Self:
        return self.add(t, "let_in")

    def gets_notice(self, t: float, deadline_s: object = None, reconnect_after_s: object = SPREAD) -> Self:
        if reconnect_after_s is SPREAD:
            reconnect_after_s = 2.4 * (GOLDEN * sum(what == "notice" for _, _, what, _ in self.events) % 1)
        left = (self.terms.drain_timeout_s or 5.0) - t if deadline_s is None else deadline_s
        return self.add(t, "notice", deadline_s=left, reconnect_after_s=reconnect_after_s)

    def says(self, t: float, n: int, answerable: bool = True, broadcast: bool = True) -> Self:
        return self.add(t, "sent", sender=self.who, n=n, answerable=answerable, broadcast=broadcast)

    def is_answered(self, t: float, n: int) -> Self:
        return self.add(t, "answered", n=n)

    def hears(self, t: float, sender: str, n: int) -> Self:
        return self.add(t, "heard", sender=sender, n=n)

    def is_notified(self, t: float) -> Self:
        return self.add(t, "notified")

    def is_closed(self, t: float, code: int = 1012) -> Self:
        return self.add(t, "close_received", code=code, reason="")

    def answers_the_close(self, t: float, code: int = 1012) -> Self:
        return self.add(t, "close_sent", code=code, ours=False)

    def closes(self, t: float, code: int = 1000) -> Self:
        return self.add(t, "close_sent", code=code, ours=True)

    def is_sent(self, t: float, how: str) -> Self:
        """A frame that no server may send."""
        return self.add(t, "violated", how=how)

    def ends(self, t: float, how: str = "eof") -> Self:
        return self.add(t, "ended", how=how)

    def is_evicted(self, t: float, code: int = 1012) -> Self:
        return self.is_closed(t, code).answers_the_close(t + 0.001, code).ends(t + 0.002)

    def leaves(self, t: float, code: int = 1000, answer: int | None = None, took: float = 0.01) -> Self:
        answer = code if answer is None else answer
        return self.closes(t, code).is_closed(t + took, answer).ends(t + took + 0.001)

    # long responses
    def asks_for_a_stream(self, name: str, began: float, accept: str = "text/event-stream, */*") -> Self:
        persona = name.rpartition("-")[0]
        return self.about(name).add(began, "requesting", path="/events", persona=persona, accept=accept)

    def begins(self, t: float, content_type: str = "text/event-stream; charset=utf-8", port: int | None = None) -> Self:
        return self.add(t, "opened", status=200, content_type=content_type, local_port=port)

    def stream(self, name: str, began: float = -1.0) -> Self:
        """An event stream that is under way."""
        return self.asks_for_a_stream(name, began - 0.01).begins(began)

    def download(self, name: str, began: float = -1.0) -> Self:
        return self.asks_for_a_stream(name, began - 0.01).begins(began, "application/zip")

    def has_events(self, *times: float) -> Self:
        for t in times:
            self.add(t, "event")
        return self

    def gets_torn_notice(self, t: float) -> Self:
        return self.add(t, "notice", deadline_s=(self.terms.drain_timeout_s or 5.0) - t, reconnect_after_s=1, torn=True)

    def body_ends(self, t: float, how: str = "eof", complete: bool = True, between: bool = True) -> Self:
        return self.add(t, "ended", how=how, complete=complete, between=between)

    # the target and the harness
    def signal(self, t: float = 0.0, which: str = "SIGTERM", to: str = "process") -> Self:
        return self.about("target").add(t, "signal", signal=which, to=to)

    def ctrl_c(self, t: float) -> Self:
        return self.signal(t, "SIGINT", "group")

    def is_up(self, t: float, **detail: Any) -> Self:
        return self.about("target").add(t, "ready", **detail)

    def stands_still(self, start: float, end: float) -> Self:
        return self.about("target").add(start, "frozen").add(end, "thawed")

    def kills_the_worker_of(self, t: float, *ports: int) -> Self:
        return self.about("target").add(t, "worker_killed", pid=41, ports=list(ports), looked_at=T0 + t - 0.01)

    def rolls(self, t: float, took: float = 0.5) -> Self:
        return self.about("target").add(t, "rolled").add(t + took, "replaced")

    def progress(self, t: float, left: int, worker: int | None = None, phase: str = "") -> Self:
        who = "" if worker is None else f"worker {worker}: "
        phase = phase or ("draining" if t < 5 else "evicting" if left else "stopped")
        return self.prints(t, f"INFO:     {who}{phase}: {left} connections left, {max(0.0, 5 - t):.1f} s at most")

    def reports(self, t: float, *counts: object, **more: object) -> Self:
        names = ("present", "raced_in", "left", "closed", "aborted")
        report = {"event": "drain.report", **dict(zip(names, counts, strict=True)), **more}
        return self.prints(t, "INFO:     " + json.dumps(report))

    def uses(self, t: float, rss_bytes: int) -> Self:
        return self.about("target").add(t, "memory", rss_bytes=rss_bytes)

    def gauges(self, began: float, **of_each: float) -> Self:
        """One answer with the gauges of several processes."""
        detail = {
            "began": began,
            "status": 200,
            "error": None,
            "connections": sum(of_each.values()),
            "of_each": of_each,
        }
        return self.about("metrics").add(began + 0.002, "answered", **detail)

    def gauge(self, began: float, left: float | None, took: float = 0.002, worker: str | None = None) -> Self:
        detail = {"began": began, "status": 200, "error": None, "connections": left, "of_each": None}
        if left is not None and worker is not None:
            detail["of_each"] = {worker: left}
        return self.about("metrics").add(began + took, "answered", **detail)

    def prints(self, t: float, text: str = SHUTDOWN) -> Self:
        return self.about("target").add(t, "line", text=text)

    def exits(self, t: float, status: int = 0) -> Self:
        return self.about("target").add(t, "exited", status=status)

    def leaves_behind(self, t: float, pids: tuple[int, ...] = (), port_error: str | None = None) -> Self:
        self.about("target")
        return self.add(t, "left_behind", pids=list(pids), port_free=port_error is None, port_error=port_error)

    def probe(
        self, who: str, began: float, status: int | None = 200, error: str | None = None, took: float = 0.002
    ) -> Self:
        return self.about(who).add(began + took, "answered", began=began, status=status, error=error)

    def probes(self, who: str, start: float, end: float, status: int | None = 200, error: str | None = None) -> Self:
        for step in range(round((end - start) / 0.2) + 1):
            self.probe(who, start + 0.2 * step, status, error)
        return self

    def post(
        self, n: int, began: float, status: int | None = 202, took: float = 0.01, error: str | None = None
    ) -> Self:
        return self.about("broadcast").add(began + took, "posted", n=n, began=began, status=status, error=error)

    def lags(self, t: float, seconds: float) -> Self:
        return self.about("harness").add(t, "lag", seconds=seconds)

    def starves(self, since: float, until: float, seconds: float, thread: str = "1", stolen: float = 0.0) -> Self:
        """A thread of the target waited for `seconds` for a core that other processes used."""
        detail = {"since": T0 + since, "threads": {thread: seconds}, "stolen": stolen}
        return self.about("target").add(until, "starved", **detail)

    def holds(self, t: float, *ports: tuple[int, ...]) -> Self:
        """Each of several workers holds the connections of clients on these ports."""
        return self.about("target").add(t, "held", ports=[list(of_one) for of_one in ports])

    def sends_home(self, t: float) -> Self:
        return self.about("harness").add(t, "mark", name=SENT_HOME)

    def gives_up(self, t: float) -> Self:
        return self.about("harness").add(t, "mark", name="gave up waiting")


def without_deadline(run: Story) -> Story:
    """The same story, about a target that promises no deadline."""
    return run.under(drain_timeout_s=None, evict_per_s=None, close_timeout_s=None)


def story(**terms: Any) -> Story:
    """A target that is told to stop at t0, and no other event."""
    return Story().under(**terms).signal()


def post_at(n: int) -> float:
    return 0.5 + 0.5 * n


def message_at(n: int) -> float:
    return -0.25 + 0.4 * n


def crowd_evicted_at(i: int) -> float:
    return 5.01 + i / 19


def left_at(t: float) -> int:
    """How many connections the crowd of `healthy` has at a moment."""
    lingerers = sum(crowd_evicted_at(i) > t for i in range(CROWD))
    return lingerers + 6 * (t < 0.2) + 5 * (t < 8.12) + (t < 9.2)


def hear_everything(run: Story, since: float = -1.0, until: float = 5.0) -> None:
    """The current client of the story hears all that the others send, and the notifications."""
    tokens = [(post_at(n), "broadcast", n) for n in POSTS]
    tokens += [(message_at(n), sender, n) for sender in BUSY for n in MESSAGES if sender != run.who]
    for t, sender, n in tokens:
        if since < t < until:
            run.hears(t + 0.006, sender, n)
    for t in (0.9, 1.9, 2.9, 3.9, 4.9):
        if t < until:
            run.is_notified(t)


def healthy() -> Story:
    """A drain that passes every clause, to which a test can add events."""
    run = Story()
    run.events = list(_forced_drain().events)
    return run


@cache
def _forced_drain() -> Story:
    """The clients: 60 lingerers, 2 busy senders, 6 leavers, 1 stalled, 6 racers (3 let in), 6 late joiners."""
    run = story().prints(-3.0, "INFO:     Started server process")
    for i in range(CROWD):
        run.client(f"lingerer-{i}", -1.0 + i / 1000).gets_notice(
            0.02 + i / 2000, reconnect_after_s=2.5 * (i + 0.5) / CROWD
        )
        hear_everything(run)
        run.is_evicted(crowd_evicted_at(i))
    for sender in BUSY:
        run.client(sender).gets_notice(0.03)
        hear_everything(run)
        for n in MESSAGES:
            run.says(message_at(n), n).is_answered(message_at(n) + 0.005, n)
        run.is_evicted(8.12)
    for i in range(6):
        run.client(f"leaver-{i}").gets_notice(0.03)
        hear_everything(run, until=0.2)
        run.leaves(0.2 + i / 100)
    run.client("stalled-reader-1", hostile=True).ends(9.2, "reset")
    for i in range(3):
        run.handshake(f"racer-{i}", -0.01).opened(0.005).gets_notice(0.04)
        hear_everything(run, since=0.005)
        run.is_evicted(8.13)
        run.handshake(f"racer-{i + 3}", 0.004).refused(0.014)
    for i in range(6):
        run.handshake(f"late-{i}", 0.5 + 0.7 * i).refused(0.51 + 0.7 * i)
    for n in POSTS:
        run.post(n, post_at(n))
    run.probe("ready", -0.2).probes("ready", 0.01, 8.01, 503)
    run.probes("health", -0.19, 8.01)
    for step in range(42):
        run.gauge(-0.19 + 0.2 * step, 72 - round(1.6 * step))
    for t in (0.05, 2.05, 4.05, 5.01, 7.01, 8.2, 9.25):
        run.progress(t, left_at(t))
    run.reports(9.26, 69, 3, 6, 65, 1)
    return run.prints(9.3).exits(9.4).leaves_behind(9.5)


def deserted() -> Story:
    """All clients leave early, and then the target exits."""
    run = story()
    for i in range(6):
        run.client(f"leaver-{i}").gets_notice(0.03).leaves(1.0 + i / 10)
    run.progress(0.01, 6).progress(1.55, 0).reports(1.56, 6, 0, 6, 0, 0)
    return run.prints(1.6).exits(1.7).leaves_behind(1.8)


def forced() -> Story:
    """An operator forces the stop: a SIGINT to the group, and another one 2 s later."""
    run = Story().ctrl_c(0.0)
    for i in range(6):
        run.client(f"lingerer-{i}").gets_notice(0.03).is_notified(0.9).is_notified(1.9).is_evicted(2.06 + i / 100)
    run.client("stalled-reader-1", hostile=True).ends(3.2, "reset")
    run.progress(0.01, 7).ctrl_c(2.0).progress(2.05, 7, phase="evicting").progress(3.1, 1)
    return run.prints(3.2).reports(3.2, 7, 0, 0, 6, 1).exits(3.25, 130).leaves_behind(3.3)


@dataclass(frozen=True)
class Case:
    """One story, and the verdict that a clause must give on it."""

    title: str
    story: Callable[[], Story]
    verdict: Verdict
    phrase: str

    def __str__(self) -> str:
        return self.title


Cases = dict[int, list[Case]]


def each(cases: Cases) -> list[Any]:
    """The cases of a table as arguments of one parametrised test."""
    return [pytest.param(number, case, id=f"{number}: {case}") for number, of in cases.items() for case in of]


def check(clause: Clause, case: Case) -> None:
    """Fail unless the clause gives this case its verdict, for the intended reason, on one line."""
    judgement: Judgement = clause.judge(case.story().history())
    assert judgement.verdict is case.verdict, judgement.evidence
    assert case.phrase in judgement.evidence
    assert "\n" not in judgement.evidence
