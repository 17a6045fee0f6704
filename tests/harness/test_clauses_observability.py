"""Clauses 29 to 31 on literal histories."""

from __future__ import annotations

from functools import cache

import pytest

from harness.clauses import CLAUSES
from tests.harness.histories import EXCLUDED, FAIL, PASS, UNKNOWN, Case, Cases, Story, check, each, healthy, story


def gauged(*values: float | None) -> Story:
    told = story().probe("ready", 0.01, 503)
    for i, left in enumerate(values):
        told.gauge(0.1 + i / 5, left)
    return told


def two_workers(one: tuple[float, ...], two: tuple[float, ...]) -> Story:
    told = story(processes=2).probe("ready", 0.01, 503)
    for worker, values in (("1", one), ("2", two)):
        for i, left in enumerate(values):
            told.gauge(0.1 + i / 5 + int(worker) / 20, left, worker=worker)
    return told


def together(*answers: dict[str, float]) -> Story:
    told = story(processes=2).probe("ready", 0.01, 503)
    for i, of_each in enumerate(answers):
        told.gauges(0.1 + i / 5, **of_each)
    return told


def without_the_gauge() -> Story:
    told = healthy()
    told.events = [(*e[:3], {**e[3], "connections": None}) if e[1] == "metrics" else e for e in told.events]
    return told


def printing(*texts: str) -> Story:
    told = healthy()
    for i, text in enumerate(texts):
        told.prints(3.0 + i / 1000, text)
    return told


@cache
def _ten_thousand() -> Story:
    told = story()
    for i in range(10_000):
        told.client(f"lingerer-{i}")
    told.uses(-0.5, 90_000_000).uses(-0.1, 100_000_000).uses(0.2, 109_000_000).uses(3.0, 105_000_000)
    for i in range(100):
        told.probe("ready", 0.01 + i / 50, 503)
    return told


def ten_thousand() -> Story:
    told = Story().under()
    told.events = list(_ten_thousand().events)
    return told


CASES: Cases = {
    29: [
        Case(
            "it only falls",
            healthy,
            PASS,
            "ebb_connections never grew in 40 probes begun after the late horizon (t0+0.0",
        ),
        Case(
            "it stays", lambda: gauged(3, 3, 3), PASS, "3 probes begun after the late horizon (t0+0.012 s), from 3 to 3"
        ),
        Case(
            "it grows",
            lambda: gauged(3, 2, 3, 1),
            FAIL,
            "1 of 4 probes begun after the late horizon (t0+0.012 s) found ebb_connections grown;"
            " first a probe at t0+0.500 s found 3 after 2",
        ),
        Case("it grew before the horizon", lambda: gauged(3, 3, 3).gauge(-0.1, 1).gauge(0.005, 2), PASS, "3 probes"),
        Case("two that overlap", lambda: gauged(4, 3, 2).gauge(0.45, 4, took=0.2), FAIL, "found 4 after 3"),
        Case("two that really overlap", lambda: gauged(4, 3, 2).gauge(0.25, 4, took=0.2), PASS, "4 probes"),
        Case("not in every answer", lambda: gauged(3, None, 3, 3), PASS, "3 probes"),
        Case(
            "in no answer", without_the_gauge, FAIL, "answers to probes begun after the late horizon (t0+0.012 s) while"
        ),
        Case("in neither of two", lambda: gauged(None, None), UNKNOWN, "only 0 values of ebb_connections"),
        Case("one for each worker", lambda: two_workers((9, 8, 8), (3, 2, 1)), PASS, "6 probes begun after the late"),
        Case("of all of them together", lambda: two_workers((9, 8, 8), (3, 2, 1)), PASS, "from 12 to 9"),
        Case(
            "one of them grows",
            lambda: two_workers((9, 8, 8), (3, 2, 4)),
            FAIL,
            "1 of 6 probes begun after the late horizon (t0+0.012 s) found ebb_connections grown;"
            " first a probe at t0+0.600 s found 4 of worker 2 after 2",
        ),
        Case(
            "all workers in each answer, and one of them did not answer in time once",
            lambda: together({"a": 9, "b": 3}, {"a": 8}, {"a": 8, "b": 2}, {"b": 1}),
            PASS,
            "4 probes begun after the late horizon (t0+0.012 s), from 12 to 9",
        ),
        Case(
            "one of them grows while all together fall",
            lambda: together({"a": 9, "b": 3}, {"a": 6, "b": 3}, {"a": 3, "b": 4}),
            FAIL,
            "first a probe at t0+0.500 s found 4 of worker b after 3",
        ),
        Case("a worker that was gone at once", lambda: two_workers((9, 8, 8), ()), PASS, "from 9 to 8"),
        Case("workers that were hardly asked", lambda: two_workers((9, 8), (3, 2)), UNKNOWN, "only 2 values"),
        Case("too few", lambda: gauged(3, 2), UNKNOWN, "only 2 values of ebb_connections"),
        Case("none declared", lambda: healthy().under(gauge=None), EXCLUDED, "declares no gauge"),
    ],
    30: [
        Case("nothing but news", healthy, PASS, "10 lines, and no traceback, warning about a task or error in them"),
        Case(
            "a traceback",
            lambda: printing(
                "Traceback (most recent call last):", '  File "/srv/chat.py", line 40, in send', "OSError: gone"
            ),
            FAIL,
            "1 of 13 lines are tracebacks, warnings about tasks or errors;"
            " first the target at t0+3.000 s raised 'OSError: gone' in send, chat.py:40",
        ),
        Case(
            "a worker that the harness killed is missed, and another one too",
            lambda: printing(
                "[alert] 7#7: worker process 41 exited on signal 9", "[alert] 7#7: worker process 410 is gone"
            ).kills_the_worker_of(-3.0, 7),
            FAIL,
            "1 of 12 lines are tracebacks, warnings about tasks or errors;"
            " first the target at t0+3.001 s printed '[alert] 7#7: worker process 410 is gone'",
        ),
        Case("a task", lambda: printing("Task was destroyed but it is pending!"), FAIL, "printed 'Task was destroyed"),
        Case("a future", lambda: printing("Task exception was never retrieved"), FAIL, "never retrieved"),
        Case("a coroutine", lambda: printing("RuntimeWarning: coroutine 'x' was never awaited"), FAIL, "never awaited"),
        Case("an exception", lambda: printing("Exception in callback f()"), FAIL, "Exception in callback"),
        Case("an error line", lambda: printing("ERROR:    Exiting"), FAIL, "ERROR:    Exiting"),
        Case("an error with a date", lambda: printing("[2026-01-01 10:00] [7] [ERROR] no"), FAIL, "[ERROR]"),
        Case("an error as JSON", lambda: printing('{"level": "error", "message": "x"}'), FAIL, "level"),
        Case("an error as terse JSON", lambda: printing('{"levelname":"ERROR"}'), FAIL, "levelname"),
        Case("worse", lambda: printing("CRITICAL: no"), FAIL, "CRITICAL"),
        Case("before t0 too", lambda: healthy().prints(-2.0, "ERROR: x"), FAIL, "the target at t0-2.000 s"),
        Case("a long line", lambda: printing("ERROR: " + "x" * 200), FAIL, "x" * 93 + "'"),
        Case("a word", lambda: printing("INFO:     0 ERRORS, 0 errors: fine"), PASS, "11 lines"),
        Case("what it prints when killed", lambda: healthy().gives_up(20.0).prints(20.1, "ERROR: x"), PASS, "10 lines"),
        Case("no output", lambda: healthy().without("target", "line"), PASS, "0 lines, and no traceback"),
        Case(
            "no output yet",
            lambda: healthy().without("target", "line").without("target", "exited"),
            UNKNOWN,
            "the target was not watched until it exited",
        ),
        Case("no output declared", lambda: healthy().under(logs=False), EXCLUDED, "is not captured"),
    ],
    31: [
        Case(
            "light",
            ten_thousand,
            PASS,
            "10000 clients, memory 1.090 times that at t0 (limit 1.100);"
            " readiness within 0.002 s in 99 % of 100 probes (limit 0.100 s)",
        ),
        Case(
            "heavy",
            lambda: ten_thousand().uses(1.0, 111_000_000),
            FAIL,
            "memory 1.110 times that at t0 (limit 1.100): 111000000 bytes, and 100000000 at t0",
        ),
        Case(
            "one slow answer in a hundred and one",
            lambda: ten_thousand().probe("ready", 1.0, 503, took=0.2),
            PASS,
            "99 % of 101 probes",
        ),
        Case(
            "two slow answers",
            lambda: ten_thousand().probe("ready", 1.0, 503, took=0.2).probe("ready", 1.1, 503, took=0.2),
            FAIL,
            "readiness within 0.200 s in 99 % of 102 probes (limit 0.100 s)",
        ),
        Case("no readiness", lambda: ten_thousand().under(ready=None), PASS, "memory 1.090 times that at t0"),
        Case("few probes", lambda: ten_thousand().without("ready"), UNKNOWN, "only 0 readiness probes"),
        Case("a pass stands whatever the lag", lambda: ten_thousand().lags(1.0, 0.03), PASS, "in 99 % of"),
        Case(
            "no memory", lambda: ten_thousand().without("target", "memory"), UNKNOWN, "sampled 0 times before t0 and 0"
        ),
        Case("none after t0", lambda: ten_thousand().until(0.1), UNKNOWN, "2 times before t0 and 0 times after"),
        Case("few clients", healthy, UNKNOWN, "only 69 clients connected at t0, and a verdict needs 10000"),
    ],
}


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_observability_is_judged_by_what_an_operator_sees(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
