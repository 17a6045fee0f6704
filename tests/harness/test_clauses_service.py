"""Clauses 9 to 11 on literal histories."""

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
    each,
    healthy,
    hear_everything,
    story,
    without_deadline,
)


def odd_one(opened: float = -1.0, hostile: bool = False) -> Story:
    return healthy().client("odd-1", opened, hostile).told(0.03)


def late_joiner(opened: float) -> Story:
    return healthy().client("odd-1", opened)


def waiter(let_in: float | None) -> Story:
    """One whose connection stood long before it was let in."""
    waits = healthy().waits_to_be_let_in("odd-1")
    return waits if let_in is None else waits.is_let_in(let_in)


def deaf() -> Story:
    """One client is notified, but hears no broadcast."""
    return odd_one().is_notified(2.0).is_evicted(6.0)


def listener() -> Story:
    told = odd_one()
    hear_everything(told)
    return told


def talker(answers: list[int], sent: tuple[float, ...] = (1.0, 2.0, 3.0)) -> Story:
    told = listener().under(broadcasts=False)
    for n, t in enumerate(sent):
        told.says(t, n)
    for position, n in enumerate(answers):
        told.is_answered(3.5 + position / 100, n)
    return told


def mute_dialect() -> Story:
    """Nobody is answered: a message counts as accepted when its sender stayed."""
    return healthy().under(answers=False).without(what="answered")


def everybody_hears(told: Story, *posts: int) -> Story:
    for name in {who for _, who, what, _ in told.told_of if what == "heard"}:
        told.about(name)
        for position, n in enumerate(posts):
            told.hears(4.31 + position / 100, "broadcast", n)
    return told


def posts_heard(first: int, then: int, took: float) -> Story:
    """Two broadcasts are posted, the second before the first is answered where that took long."""
    return everybody_hears(healthy().post(100, 4.0, took=took).post(101, 4.1), first, then)


CASES: Cases = {
    9: [
        Case(
            "everybody served to the end",
            healthy,
            PASS,
            "broadcasts reached 62 clients, notifications reached 62 clients, replies reached 2 clients",
        ),
        Case(
            "broadcasts end at the signal",
            deaf,
            FAIL,
            "1 of 128 services were not rendered between t0+0.250 s and t0+4.900 s;"
            " first odd-1 at t0+0.250 s had no broadcasts",
        ),
        Case(
            "posted broadcasts refused",
            lambda: story().client("lingerer-1").ends(6).post(0, 1, 503).post(1, 1.1, 503).post(2, 1.2, 503),
            FAIL,
            "had no broadcasts",
        ),
        Case(
            "notifications end at the signal",
            lambda: listener().without("odd", "notified"),
            FAIL,
            "no notifications",
        ),
        Case(
            "questions are not answered",
            lambda: listener().says(2.0, 0),
            FAIL,
            "odd-1 at t0+0.250 s had no replies",
        ),
        Case(
            "no notifications while the harness had stopped the target",
            lambda: healthy().without(what="notified").stands_still(1.0, 2.0),
            PASS,
            "broadcasts reached 62 clients, replies reached 2 clients",
        ),
        Case("up to an operator's force", lambda: healthy().ctrl_c(3.0), PASS, "between t0+0.250 s and t0+2.900 s"),
        Case("a question too late to be answered", lambda: listener().says(4.8, 0), PASS, "replies reached 2"),
        Case(
            "a text that nobody answers",
            lambda: listener().says(2, 0, answerable=False),
            PASS,
            "replies reached 2",
        ),
        Case(
            "a dialect without broadcasts",
            lambda: deaf().under(broadcasts=False),
            PASS,
            "notifications reached 63",
        ),
        Case(
            "a target without notifications",
            lambda: healthy().under(notify_interval_s=None),
            PASS,
            "62 clients, rep",
        ),
        Case(
            "notifications too rare to expect",
            lambda: healthy().under(notify_interval_s=2.4),
            PASS,
            "62 clients, rep",
        ),
        Case(
            "a dialect without answers",
            lambda: mute_dialect(),
            PASS,
            "notifications reached 62 clients between",
        ),
        Case("a hostile one hears nothing", lambda: odd_one(hostile=True), PASS, "62 clients"),
        Case(
            "one's own messages are not for oneself",
            lambda: (
                story(notify_interval_s=None)
                .client("odd-1")
                .says(1, 0)
                .says(2, 1)
                .says(3, 2)
                .is_answered(3.1, 0)
                .ends(6)
            ),
            PASS,
            "replies reached 1 clients",
        ),
        Case(
            "nothing was sent",
            lambda: story(notify_interval_s=None).client("lingerer-1").ends(6),
            UNKNOWN,
            "nothing was sent between t0+0.250 s",
        ),
        Case(
            "nothing was sent that others could hear",
            lambda: (
                story(notify_interval_s=None, answers=False)
                .client("busy-1")
                .says(1, 0, broadcast=False)
                .says(2, 1, broadcast=False)
                .says(3, 2, broadcast=False)
                .client("lingerer-1")
                .ends(6)
            ),
            UNKNOWN,
            "nothing was sent between t0+0.250 s",
        ),
        Case(
            "nobody stayed",
            lambda: story().client("leaver-1").leaves(3).exits(6),
            UNKNOWN,
            "no client was connected",
        ),
        Case("the record ends before", lambda: healthy().until(3.0), UNKNOWN, "no client was connected"),
        Case(
            "no deadline, and the first close ends it",
            lambda: without_deadline(healthy()),
            PASS,
            "between t0+0.250 s and t0+4.910 s",
        ),
        Case(
            "no deadline, and all are sent home",
            lambda: without_deadline(healthy()).sends_home(3.0),
            PASS,
            "between t0+0.250 s and t0+2.900 s",
        ),
        Case(
            "no deadline, and all are closed at once",
            lambda: without_deadline(story()).client("a-1").is_evicted(0.1),
            UNKNOWN,
            "nothing can be seen in the stretch that ended at t0+0.100 s",
        ),
    ],
    10: [
        Case(
            "all answered, all heard",
            healthy,
            PASS,
            "22 messages of 2 clients and 30 accepted broadcasts to 71 clients after t0: none lost",
        ),
        Case(
            "an answer missing at the close",
            lambda: talker([0, 1]).is_evicted(5.5),
            FAIL,
            "1 of 3 accounts of answers and of broadcasts do not add up; first odd-1 at t0+5.500 s"
            " was closed with 1 of 3 unanswered, message 2 sent 2.500 s before",
        ),
        Case(
            "an answer missing at a cut",
            lambda: talker([]).ends(5.5, "reset"),
            FAIL,
            "closed with 3 of 3 unanswered",
        ),
        Case(
            "a gap in the answers",
            lambda: talker([0, 2]).is_evicted(5.5),
            FAIL,
            "message 2 answered out of order",
        ),
        Case("answered twice", lambda: talker([0, 0]).is_evicted(5.5), FAIL, "message 0 answered twice"),
        Case(
            "more answers than questions",
            lambda: talker([0, 1, 2, 2]),
            FAIL,
            "odd-1 at t0+0.000 s had message 2 answ",
        ),
        Case("in flight at the close", lambda: talker([0, 1], (1, 2, 5.4)).is_evicted(5.5), PASS, "none lost"),
        Case("the client closed first", lambda: talker([0]).leaves(4.0), PASS, "none lost"),
        Case("a gap for one that closed first", lambda: talker([1]).leaves(4.0), FAIL, "answered out of order"),
        Case("never closed", lambda: talker([0]), PASS, "none lost"),
        Case(
            "a hostile one",
            lambda: odd_one(hostile=True).under(broadcasts=False).says(1.0, 0).is_evicted(5.5),
            PASS,
            "22 messages of 2 clients",
        ),
        Case(
            "a posted broadcast missed",
            lambda: listener().is_evicted(5.5).post(100, 4.5),
            FAIL,
            "had not heard broadcast:100, accepted at t0+4.510 s",
        ),
        Case("a refused post", lambda: healthy().post(100, 4.5, 503), PASS, "30 accepted"),
        Case(
            "a client's message missed",
            lambda: listener().is_evicted(6.0).without("odd-1", "heard"),
            FAIL,
            "odd-1 at t0+6.000 s had not heard busy-1:0, accepted at t0-0.245 s",
        ),
        Case(
            "accepted just before the close",
            lambda: everybody_hears(healthy().post(100, 4.3), 100).client("odd-1", 4.25).is_evicted(4.5),
            PASS,
            "31 accepted",
        ),
        Case(
            "said in a room of its own",
            lambda: healthy().about("busy-1").says(4.05, 90, broadcast=False).is_answered(4.06, 90),
            PASS,
            "23 messages of 2 clients and 30 accepted broadcasts",
        ),
        Case("sent before it joined", lambda: late_joiner(4.2).is_evicted(5.5), PASS, "to 72 clients"),
        Case(
            "accepted only after it joined",
            lambda: late_joiner(2.952).is_evicted(5.5),
            FAIL,
            "had not heard broadcast:5",
        ),
        Case("sent before it was let in", lambda: waiter(4.2).is_evicted(5.5), PASS, "to 72 clients"),
        Case("nothing is due to who is never let in", lambda: waiter(None).is_evicted(5.5), PASS, "to 72 clients"),
        Case(
            "accepted only after it was let in",
            lambda: waiter(2.952).is_evicted(5.5),
            FAIL,
            "had not heard broadcast:5",
        ),
        Case("heard twice", lambda: listener().hears(4.8, "busy-1", 3), FAIL, "heard busy-1:3 2 times"),
        Case(
            "heard out of order",
            lambda: listener().without("odd-1", "heard").hears(2.0, "busy-1", 3).hears(2.1, "busy-1", 2),
            FAIL,
            "heard busy-1:2 after busy-1:3",
        ),
        Case(
            "posts one after another, swapped",
            lambda: posts_heard(101, 100, 0.05),
            FAIL,
            "broadcast:100 after",
        ),
        Case("posts that overlap have no order", lambda: posts_heard(101, 100, 0.2), PASS, "32 accepted"),
        Case("posts in order", lambda: posts_heard(100, 101, 0.2), PASS, "32 accepted"),
        Case(
            "a dialect without answers",
            mute_dialect,
            PASS,
            "0 messages of 0 clients and 30 accepted broadcasts",
        ),
        Case(
            "without answers, what a leaver said last may be lost",
            lambda: mute_dialect().client("odd-1", 4.5).says(4.6, 0).leaves(4.7),
            PASS,
            "30 accepted",
        ),
        Case(
            "without answers, what a stayer said may not",
            lambda: mute_dialect().client("odd-1", 4.5).says(4.6, 0).is_evicted(5.5),
            FAIL,
            "had not heard odd-1:0, accepted at t0+4.850 s",
        ),
        Case(
            "without answers, one that is never closed",
            lambda: mute_dialect().client("odd-1", 4.5).says(9.4, 0),
            PASS,
            "30 accepted",
        ),
        Case(
            "too little said",
            lambda: healthy().under(broadcasts=False).without("busy-1"),
            UNKNOWN,
            "only 11 messages",
        ),
        Case("nothing said, nobody closed", lambda: story(), UNKNOWN, "only 0 messages"),
        Case(
            "a pass stands whatever the lag",
            lambda: healthy().lags(6.0, 0.07),
            PASS,
            "none lost",
        ),
        Case("a harness that lagged before", lambda: healthy().lags(2.0, 0.07), PASS, "none lost"),
    ],
}


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_service_is_judged_by_what_was_sent_heard_and_answered(number: int, case: Case) -> None:
    check(CLAUSES[number], case)
