"""Clauses 32 and 34 on literal histories."""

from __future__ import annotations

from typing import Self

import pytest

from harness.clauses import CLAUSES
from tests.harness.histories import EXCLUDED, FAIL, PASS, UNKNOWN, Case, Cases, Story, check, each, healthy, story
from tests.harness.resume_runs import SPEAKERS, Deploy, message, moves, stays


def visits(told: Story, since: float, until: float, name: str = "brief-visitor") -> Story:
    """A handshake every 20 ms, answered with 101 before t0 and with 503 from then on."""
    for n in range(round((until - since) / 0.02)):
        began = since + 0.02 * n
        told.handshake(f"{name}-{n}", began)
        if began < 0:
            told.opened(began + 0.01).leaves(began + 0.02)
        else:
            told.refused(began + 0.01)
    return told


def two_workers() -> Story:
    """One of two is killed 3 s before t0, and handshakes go on all the time."""
    return visits(story(processes=2).kills_the_worker_of(-3.0, 7), -3.5, 2.0)


def one_more(began: float = -2.5) -> Story:
    return two_workers().handshake("odd-1", began)


def nobody_listens() -> Story:
    told = visits(story(processes=2), 0.0, 0.38)
    for n in range(10):
        told.handshake(f"odd-{n}", 0.5 + 0.02 * n).failed(0.51 + 0.02 * n, "refused")
    return told


class Crash(Deploy):
    """Clients of two workers, each connection from a port of its own: 101, 102, ..."""

    def connects(
        self, client: str, number: int, began: float, position: tuple[str, int] | None = None, answers: bool = True
    ) -> Self:
        super().connects(client, number, began, position, answers)
        self.events[-1][3]["local_port"] = 100 + len(self.rows)
        return self


def crash(clients: int = 12, own: int = 6, back: int = 6) -> Crash:
    """At 3 s one of two workers is killed that held some of them; most of these come back; the drain comes at 8.5 s."""
    told = Crash().under(processes=2, drain_timeout_s=1.0)
    for i in range(clients):
        client = SPEAKERS[i] if i < len(SPEAKERS) else f"reconnecting-{i}"
        if clients - i > own:
            stays(told, client)
            continue
        stays(told, client, until=3.0)
        told.ends(3.01, "reset")
        if clients - i <= back:
            moves(told, client, 3.2 + i / 100, position=29)
    told.kills_the_worker_of(3.0, *range(101 + clients - own, 101 + 2 * clients))
    return told.signal(8.5).says_everything()


def lingering(told: Crash) -> Crash:
    for port in (120, 121, 122):
        told.client(f"lingerer-{port}", port=port).ends(3.01, "reset")
    return told


def lingerer(told: Crash, port: int | None, opened: float = -1.0) -> Crash:
    return told.client("lingerer-1", opened, port=port)


CASES: Cases = {
    34: [
        Case(
            "only its own notice, and they come back",
            crash,
            PASS,
            "6 of 12 connections ended with their worker at t0-5.500 s; its 6 reconnecting clients were back by"
            " t0-5.189 s; of 880 messages due none was lost, doubled or out of order",
        ),
        Case(
            "another one is cut as well",
            lambda: crash().about("reconnecting-3/1").ends(3.1, "reset"),
            FAIL,
            "1 of 892 connections and messages due were not kept after the kill of a worker at t0-5.500 s; first"
            " reconnecting-3/1 at t0-5.400 s was cut off, and another worker held it",
        ),
        Case(
            "cut at its deadline",
            lambda: crash().about("reconnecting-3/1").is_evicted(9.6),
            PASS,
            "6 of 12 connections",
        ),
        Case("it left", lambda: crash().about("reconnecting-3/1").leaves(3.1), PASS, "6 of 12 connections"),
        Case(
            "a connection that a dead worker holds",
            lambda: lingerer(crash(), 110),
            FAIL,
            "lingerer-1 at t0-4.500 s was not cut off with the worker that held it",
        ),
        Case(
            "cut off only later",
            lambda: lingerer(crash(), 110).ends(4.1, "reset"),
            FAIL,
            "lingerer-1 at t0-4.500 s was not cut off",
        ),
        Case("cut off at once", lambda: lingerer(crash(), 110).ends(3.9, "reset"), PASS, "7 of 13 connections"),
        Case("one that came just then", lambda: lingerer(crash(), 99, 2.995).ends(3.01, "reset"), PASS, "6 of 12"),
        Case("a hostile one", lambda: crash().client("stalled-1", hostile=True, port=99).ends(3.1, "reset"), PASS, ""),
        Case(
            "one did not reconnect", lambda: crash(back=5), FAIL, "first reconnecting-6 at t0-5.500 s did not reconnect"
        ),
        Case(
            "one lost a message",
            lambda: crash().loses("reconnecting-8/2", 40),
            FAIL,
            "reconnecting-8 at t0-4.500 s did not get speaker-2:20",
        ),
        Case(
            "one had a message twice",
            lambda: crash().gets("reconnecting-8/2", message(25, 1.5)),
            FAIL,
            "was sent speaker-1:13 on reconnecting-8/2 again",
        ),
        Case("it held nobody", lambda: crash(own=0), UNKNOWN, "only 0 connections, its own, when a worker was killed"),
        Case("it held everybody", lambda: crash(own=12, back=12), UNKNOWN, "only 0 connections, the others'"),
        Case(
            "it held nobody who comes back",
            lambda: lingering(crash(own=0)),
            UNKNOWN,
            "only 0 connections, its own that reconnect",
        ),
        Case("a pass stands whatever the lag", lambda: crash().lags(3.2, 0.3), PASS, "none was lost"),
        Case("nobody was killed", lambda: crash().without("target", "worker_killed"), UNKNOWN, "no worker was killed"),
        Case("no drain", lambda: crash().without("target", "signal"), UNKNOWN, "no worker was killed"),
        Case("one process", healthy, EXCLUDED, "declares that one process serves"),
    ],
    32: [
        Case(
            "all answered",
            two_workers,
            PASS,
            "250 handshakes begun from t0-3.000 s on: 150 joined, 100 refused by HTTP, 0 reset,"
            " the slowest in 0.010 s (limit 1.000 s)",
        ),
        Case("reset", lambda: one_more().failed(-2.4, "reset"), PASS, "1 reset, the slowest in 0.100 s"),
        Case("ended without a word", lambda: one_more().failed(-2.4, "eof"), PASS, "1 reset"),
        Case(
            "left without an answer",
            lambda: one_more().failed(-0.5, "timeout"),
            FAIL,
            "1 of 251 handshakes begun from t0-3.000 s on were neither answered nor reset within 1.000 s;"
            " first odd-1 at t0-2.500 s was left for 2.000 s",
        ),
        Case("left to the end", one_more, FAIL, "odd-1 at t0-2.500 s was left for"),
        Case("reset, but late", lambda: one_more().failed(-1.4, "reset"), FAIL, "was left for 1.100 s"),
        Case("answered, but late", lambda: one_more().opened(-1.4), FAIL, "was left for 1.100 s"),
        Case("begun at the end", lambda: one_more(1.9), PASS, "251 handshakes"),
        Case("half of a handshake", lambda: two_workers().handshake("odd-1", -2.5, hostile=True), PASS, "250 handsh"),
        Case("not accepted", lambda: one_more().failed(-0.5, "refused"), PASS, "250 handshakes"),
        Case("before the fault", lambda: one_more(-3.4).failed(-1.4, "timeout"), PASS, "250 handshakes"),
        Case(
            "replaced one by one",
            lambda: visits(story(processes=2).rolls(-1.0), -1.0, 2.0),
            PASS,
            "150 handshakes begun from t0-1.000 s on",
        ),
        Case(
            "not replaced at all",
            lambda: visits(story(processes=2).rolls(-1.0).without("target", "replaced"), -1.0, 2.0),
            UNKNOWN,
            "the workers were to be replaced at t0-1.000 s, and were not before t0",
        ),
        Case(
            "replaced too late",
            lambda: visits(story(processes=2).rolls(-1.0, took=1.5), -1.0, 2.0),
            UNKNOWN,
            "and were not before t0",
        ),
        Case("only a drain", lambda: visits(story(processes=2), 0.0, 1.0), PASS, "50 handshakes begun from t0+0.000 s"),
        Case(
            "hardly any after the kill",
            lambda: visits(story(processes=2).kills_the_worker_of(-3.0), -2.19, 2.0),
            UNKNOWN,
            "only 10 handshakes in the second after the kill of a worker at t0-3.000 s, and a verdict",
        ),
        Case(
            "none as they are replaced",
            lambda: visits(story(processes=2).rolls(-3.0), 0.0, 2.0),
            UNKNOWN,
            "only 0 handshakes in the second after the replacement of the workers at t0-3.000 s",
        ),
        Case(
            "hardly any was accepted",
            nobody_listens,
            UNKNOWN,
            "only 19 accepted handshakes begun from t0+0.000 s on, and a verdict needs 20",
        ),
        Case("none in the drain", lambda: story(processes=2), UNKNOWN, "in the second after t0"),
        Case(
            "none in a drain of less than a second",
            lambda: visits(story(processes=2).kills_the_worker_of(-3.0, 7), -3.5, 0.0).exits(0.1),
            PASS,
            "150 handshakes begun from t0-3.000 s on",
        ),
        Case("a pass stands whatever the lag", lambda: two_workers().lags(-1.0, 0.3), PASS, "joined"),
        Case("one process", healthy, EXCLUDED, "declares that one process serves"),
    ],
}


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_what_is_owed_by_many_workers_is_judged_by_their_clients(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
