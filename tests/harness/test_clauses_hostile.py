"""Clauses 7 and 14 on literal histories: what hostile clients do to others, and what is done to them."""

from __future__ import annotations

import pytest

from harness.clauses import CLAUSES
from tests.harness.histories import (
    FAIL,
    PASS,
    UNKNOWN,
    Case,
    Cases,
    Story,
    check,
    deserted,
    each,
    forced,
    healthy,
    hear_everything,
    story,
    without_deadline,
)


def one_more(opened: float = -1.0, hostile: bool = False) -> Story:
    return healthy().client("odd-1", opened, hostile)


def hears_all(told: Story, but: int = -1) -> Story:
    """The others' messages, save one of the posts."""
    hear_everything(told)
    told.events = [event for event in told.events if event[1:3] != (told.who, "heard") or event[3] != post(but)]
    return told


def post(n: int) -> dict[str, object]:
    return {"sender": "broadcast", "n": n}


def two_listeners(warm_up_took: float, took: float) -> Story:
    """Messages before the stalled reader comes at -0.5 s, and after t0."""
    told = story().post(0, -0.9)
    for n in range(1, 8):
        told.post(n, 0.5 * n)
    for name in ("a-1", "a-2"):
        told.client(name).gets_notice(0.02).hears(-0.9 + warm_up_took, "broadcast", 0)
        for n in range(1, 8):
            told.hears(0.5 * n + took, "broadcast", n)
    return told.client("stalled-reader-1", -0.5, hostile=True)


def cut(how: str = "reset") -> Story:
    return one_more(hostile=True).ends(9.0, how)


def half_handshake(began: float = -0.5) -> Story:
    return healthy().without("stalled-reader").handshake("half-handshake-1", began, hostile=True)


CASES: Cases = {
    7: [
        Case(
            "nobody is kept waiting",
            healthy,
            PASS,
            "beside 1 stalled readers 68 clients had their notice by t0+1.000 s; 1940 messages were heard, the slowest"
            " after 0.006 s (limit 0.250 s)",
        ),
        Case(
            "beside attackers, too",
            lambda: (
                healthy().handshake("endless-header-1", -0.4, hostile=True).client("ping-flooder-1", -0.3, hostile=True)
            ),
            PASS,
            "beside 1 stalled readers and 2 attackers 68 clients had their notice",
        ),
        Case(
            "attackers count without a stalled reader",
            lambda: two_listeners(0.01, 0.6).without("stalled-reader").client("ping-flooder-1", -0.5, hostile=True),
            FAIL,
            "heard a message 0.600 s old",
        ),
        Case(
            "an attacker that comes after t0 does not",
            lambda: healthy().without("stalled-reader").client("ping-flooder-1", 0.5, hostile=True),
            UNKNOWN,
            "no stalled-reader was connected at t0",
        ),
        Case(
            "told late",
            lambda: hears_all(one_more().gets_notice(1.2)).is_evicted(5.5),
            FAIL,
            "1 of 69 clients had no notice by t0+1.000 s; first odd-1 at t0+1.000 s got its notice only at t0+1.200 s",
        ),
        Case(
            "a parent's delay",
            lambda: hears_all(one_more().gets_notice(1.2)).under(parent_delay_s=0.3),
            PASS,
            "69 clients",
        ),
        Case("never told", lambda: one_more().is_evicted(5.5), FAIL, "odd-1 at t0+1.000 s had no notice"),
        Case(
            "a message that waited",
            lambda: hears_all(one_more().gets_notice(0.1), but=3).hears(2.3, "broadcast", 3).is_evicted(5.5),
            FAIL,
            "1 of 72 clients did not have their messages within 0.250 s;"
            " first odd-1 at t0+2.300 s heard a message 0.300 s old",
        ),
        Case(
            "a message that only others heard",
            lambda: hears_all(one_more().gets_notice(0.1), but=3).is_evicted(5.5),
            FAIL,
            "odd-1 at t0+2.000 s never heard broadcast:3, which others did",
        ),
        Case("who left has no claim", lambda: one_more().gets_notice(0.1).leaves(0.35), PASS, "69 clients"),
        Case(
            "nor who was never let in",
            lambda: healthy().waits_to_be_let_in("odd-1").is_evicted(5.5),
            PASS,
            "68 clients",
        ),
        Case("nor who came later", lambda: one_more(4.9).gets_notice(4.95).is_evicted(5.5), PASS, "68 clients"),
        Case("nor a hostile client", lambda: one_more(hostile=True).gets_notice(9.0), PASS, "68 clients"),
        Case(
            "nobody knows when it was sent",
            lambda: one_more().gets_notice(0.1).hears(0.2, "x-1", 1).leaves(0.3),
            PASS,
            "69",
        ),
        Case("slow, but twice as fast before", lambda: two_listeners(0.2, 0.39), PASS, "(limit 0.400 s)"),
        Case("more than twice as slow", lambda: two_listeners(0.2, 0.41), FAIL, "heard a message 0.410 s old"),
        Case("slow from the first", lambda: two_listeners(0.1, 0.26), FAIL, "within 0.250 s"),
        Case(
            "a harness that lagged in what is compared",
            lambda: two_listeners(0.2, 0.3).lags(-0.8, 0.07),
            UNKNOWN,
            "lagged 0.070 s between t0-0.900 s",
        ),
        Case(
            "a lag before does not matter where nothing is compared",
            lambda: two_listeners(0.1, 0.1).lags(-0.8, 0.07),
            PASS,
            "limit 0.250",
        ),
        Case("a pass stands whatever the lag", lambda: healthy().lags(3.0, 0.07), PASS, "1940 messages"),
        Case("a target that stood still", lambda: healthy().stands_still(3, 4), UNKNOWN, "had stopped the target"),
        Case(
            "no stalled reader", lambda: healthy().without("stalled"), UNKNOWN, "no stalled-reader was connected at t0"
        ),
        Case(
            "a stalled reader that came later",
            lambda: healthy().without("stalled").client("stalled-reader-1", 0.01, hostile=True),
            UNKNOWN,
            "no stalled-reader",
        ),
        Case("few messages", lambda: two_listeners(0.1, 0.1).until(2.0), UNKNOWN, "only 6 messages heard after t0"),
        Case(
            "messages that nobody can observe",
            lambda: two_listeners(0.1, 0.1).under(broadcasts=False),
            PASS,
            "2 clients had their notice",
        ),
        Case(
            "nothing that anybody can observe",
            lambda: story().client("stalled-reader-1", hostile=True).under(broadcasts=False),
            UNKNOWN,
            "no client was connected",
        ),
    ],
    14: [
        Case("the hostile one", healthy, PASS, "1 of 1 hostile clients were cut off, and 0 of 71 others"),
        Case("when an operator forced it", forced, PASS, "1 of 1 hostile"),
        Case(
            "a reset", lambda: one_more().gets_notice(0.1).ends(6.0, "reset"), FAIL, "odd-1 at t0+6.000 s saw a reset"
        ),
        Case(
            "a reset after the handshake",
            lambda: one_more().is_closed(6.0).answers_the_close(6.0).ends(6.1, "reset"),
            FAIL,
            "1 of 72 reading clients were cut off, or held until the close timeout; first odd-1 at t0+6.100 s saw a",
        ),
        Case(
            "a leaver reset", lambda: one_more().closes(2.0).ends(2.1, "reset"), FAIL, "odd-1 at t0+2.100 s saw a reset"
        ),
        Case("no close frame", lambda: one_more().ends(2.0), FAIL, "saw an end without a close frame"),
        Case(
            "held",
            lambda: one_more().is_closed(6.0).answers_the_close(6.0).ends(7.0),
            FAIL,
            "odd-1 at t0+6.000 s was held for 1.000 s (limit 1.000 s)",
        ),
        Case("held to the end", lambda: one_more().is_closed(6.0).answers_the_close(6.0), FAIL, "held for 3.500 s"),
        Case("who tears its own line", lambda: one_more().ends(6.0, "local"), PASS, "1 of 1"),
        Case("not closed at all is another matter", lambda: one_more(), PASS, "1 of 1"),
        Case("two hostile ones", cut, PASS, "2 of 2 hostile clients"),
        Case("closed and cut", lambda: cut("eof").about("odd-1").is_closed(6.0), PASS, "2 of 2"),
        Case(
            "who says goodbye was not hostile",
            lambda: one_more(hostile=True).is_evicted(6.0),
            PASS,
            "1 of 1",
        ),
        Case("who vanished by itself was not cut", lambda: one_more(hostile=True).ends(6.0, "local"), PASS, "1 of 1"),
        Case("cleared away after the exit", lambda: one_more(hostile=True).ends(9.45, "local"), PASS, "2 of 2"),
        Case("cut before the deadline", lambda: one_more(hostile=True).ends(4.0, "reset"), PASS, "1 of 1"),
        Case("half a handshake, cut", lambda: half_handshake().failed(9.0, "reset"), PASS, "1 of 1"),
        Case("half a handshake whose end nobody saw", half_handshake, PASS, "1 of 1"),
        Case("half a handshake, cut early", lambda: half_handshake().failed(2.0, "eof"), UNKNOWN, "no hostile client"),
        Case("half a handshake, begun late", lambda: half_handshake(6.0), UNKNOWN, "no hostile client"),
        Case(
            "held by a target that does not go",
            lambda: half_handshake().without("target", "exited").gives_up(20.0),
            FAIL,
            "1 of 1 hostile clients held their connections to the end; first half-handshake-1 at t0+5.000 s was not",
        ),
        Case(
            "cut by a target that does not go",
            lambda: cut().without("target", "exited").gives_up(20.0),
            PASS,
            "2 of 2",
        ),
        Case(
            "not watched to the end",
            lambda: half_handshake().without("target", "exited"),
            UNKNOWN,
            "not watched until it exited",
        ),
        Case("none there", lambda: healthy().without("stalled"), UNKNOWN, "no hostile client was connected at the dea"),
        Case("everybody left early", deserted, UNKNOWN, "no hostile client"),
        Case("a pass stands whatever the lag", lambda: healthy().lags(6.0, 0.3), PASS, "1 of 1 hostile"),
        Case(
            "X undeclared, and held for long",
            lambda: cut().client("a-1").is_closed(5.1).answers_the_close(5.2).ends(7.0).under(close_timeout_s=None),
            PASS,
            "hostile clients were cut off",
        ),
        Case(
            "no deadline, and clients that read are still served",
            lambda: without_deadline(story()).client("stalled-reader-1", hostile=True).client("a-1").gives_up(60.1),
            UNKNOWN,
            "1 clients that read were still served at t0+60.100 s, first a-1, and nothing says for how long: declare",
        ),
        Case(
            "no deadline, and only a hostile client is left",
            lambda: without_deadline(story()).client("stalled-reader-1", hostile=True).gives_up(60.1),
            FAIL,
            "1 of 1 hostile clients held their connections to the end",
        ),
    ],
}


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_hostile_clients_harm_nobody_and_they_alone_are_cut_off(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
