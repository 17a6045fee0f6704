"""Clauses 9 to 11 on literal histories."""

from __future__ import annotations

import pytest

from harness.clauses import CLAUSES
from tests.harness.histories import (
    EXCLUDED,
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
    return healthy().client("odd-1", opened, hostile).gets_notice(0.03)


def late_joiner(opened: float) -> Story:
    return healthy().client("odd-1", opened)


def waiter(let_in: float | None) -> Story:
    """One whose connection stood long before it was let in."""
    waits = healthy().waits_to_be_let_in("odd-1")
    return waits if let_in is None else waits.is_let_in(let_in)


def notified(told: Story, step: float = 1.0, since: float = 0.0, until: float = 5.0, but: float = 0.0) -> Story:
    """Whoever is in the story has the notifications."""
    for n in range(round(5 / step)):
        t = step * n + 0.9 * min(1.0, step)
        if since < t < until and t != but:
            told.is_notified(t)
    return told


def listener_but(sender: str, n: int) -> Story:
    """One hears all but one message."""
    told, missed = listener(), {"sender": sender, "n": n}
    told.events = [e for e in told.events if not (e[1:3] == ("odd-1", "heard") and e[3] == missed)]
    return told


def slow_one_but(sender: str, n: int, leaves: float) -> Story:
    """One leaves that hears all but one message, where before t0 one came 0.4 s after it was said."""
    told = listener_but(sender, n).about("busy-1").says(-0.9, 99).about("odd-1").hears(-0.5, "busy-1", 99)
    return told.leaves(leaves)


def held_back(to: float) -> Story:
    """One hears everything that was sent before a moment at that moment."""
    told = listener()
    told.events = [(max(t, to), *e) if e[:2] == ["odd-1", "heard"] and t > 0.25 else (t, *e) for t, *e in told.events]
    return told


def slow_before() -> Story:
    """One hears everything 1.2 s after it was sent, and so before t0."""
    told = listener().about("busy-1").says(-0.9, 99).about("odd-1").hears(-0.05, "busy-1", 99)
    told.events = [(t + 1.2, *e) if e[:2] == ["odd-1", "heard"] and t > 0.25 else (t, *e) for t, *e in told.events]
    return told


def said_by_a_leaver() -> Story:
    told = odd_one()
    hear_everything(told, until=1.0)
    return told.says(0.9, 0).leaves(1.0)


def silent_between(start: float, end: float) -> Story:
    told = healthy().without(what="notified")
    told.events = [e for e in told.events if not (start < e[0] < end and e[2] in ("heard", "answered"))]
    return told


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


def closed_at_once(texts: int) -> Story:
    """Nobody is answered, three hear what a fourth says in the second before t0, and then all are closed."""
    told = without_deadline(story()).under(answers=False)
    for name in ("talker-1", "lingerer-1", "lingerer-2", "lingerer-3"):
        told.client(name)
        for n in range(texts):
            told.says(-0.9 + n / 50, n) if name == "talker-1" else told.hears(-0.89 + n / 50, "talker-1", n)
        told.is_evicted(0.01)
    return told


def everybody_hears(told: Story, *posts: int) -> Story:
    for name in {who for _, who, what, _ in told.events if what == "heard"}:
        told.about(name)
        for position, n in enumerate(posts):
            told.hears(4.31 + position / 100, "broadcast", n)
    return told


def after_a_post(name: str = "odd-1") -> Story:
    """Somebody comes just before a broadcast that all others hear."""
    return everybody_hears(healthy().post(100, 4.3), 100).client(name, 4.25).gets_notice(4.26)


def closed_after_a_post(t: float, name: str = "odd-1") -> Story:
    return after_a_post(name).is_evicted(t)


def swapped_for_one() -> Story:
    told = listener().is_evicted(5.5)
    for at, (t, who, what, detail) in enumerate(told.events):
        if (who, what) == ("odd-1", "heard") and (detail["sender"], detail["n"]) == ("busy-1", 3):
            told.events[at] = (t + 0.01, who, what, detail)
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
            "all broadcasts reached 65 clients, notifications reached 65 clients, replies reached 2 clients",
        ),
        Case(
            "broadcasts end at the signal",
            lambda: notified(odd_one()).is_evicted(6.0),
            FAIL,
            "1 of 134 due broadcasts, notifications and replies did not come, or were refused, between t0+0.250 s and"
            " t0+4.900 s; first odd-1 at t0+0.500 s missed 28 of 28 broadcasts, broadcast:0 for one",
        ),
        Case(
            "one of all is missed",
            lambda: listener_but("broadcast", 5),
            FAIL,
            "odd-1 at t0+3.000 s missed 1 of 28 broadcasts, broadcast:5 for one",
        ),
        Case(
            "and by one that leaves long before the deadline",
            lambda: notified(odd_one(), until=1.5).leaves(2.0),
            FAIL,
            "odd-1 at t0+0.500 s missed 11 of 11 broadcasts",
        ),
        Case(
            "by one that left just then", lambda: listener_but("broadcast", 5).leaves(3.2), PASS, "reached 66 clients"
        ),
        Case(
            "by one that was not there yet",
            lambda: notified(late_joiner(3.05), since=3.5).hears(3.155, "busy-1", 8),
            FAIL,
            "missed 8 of 8",
        ),
        Case(
            "held back to the deadline", lambda: held_back(4.95), FAIL, "odd-1 at t0+0.500 s had late 25 of 28 broadc"
        ),
        Case(
            "by one that left soon, of broadcasts that took long before t0 too",
            lambda: slow_one_but("broadcast", 5, leaves=3.7),
            PASS,
            "all broadcasts reached 66 clients",
        ),
        Case(
            "by one that left later than that",
            lambda: slow_one_but("broadcast", 5, leaves=3.9),
            FAIL,
            "missed 1 of",
        ),
        Case("held back a little", lambda: held_back(1.2), PASS, "all broadcasts reached 66 clients"),
        Case("as slow as before", lambda: slow_before(), PASS, "all broadcasts reached 66 clients"),
        Case("what a sender said as it left is nobody's", lambda: said_by_a_leaver(), PASS, "reached 66 clients"),
        Case(
            "one posted broadcast refused",
            lambda: healthy().post(99, -0.4).post(100, 2.0, 503),
            FAIL,
            "1 of 133 due broadcasts, notifications and replies did not come, or were refused, between t0+0.250 s and"
            " t0+4.900 s; first POST 100 at t0+2.000 s got",
        ),
        Case(
            "one that hung", lambda: healthy().post(99, -0.4).post(100, 2.0, None, 2.0, "timeout"), FAIL, "got timeout"
        ),
        Case("a server that never took one", lambda: healthy().post(100, 2.0, 404), PASS, "reached 65 clients"),
        Case(
            "one accepted, and heard by nobody",
            lambda: healthy().post(100, 2.0),
            FAIL,
            "65 of 132 due broadcasts, notifications and replies did not come",
        ),
        Case(
            "notifications end at the signal",
            lambda: listener().without("odd", "notified"),
            FAIL,
            "odd-1 at t0+0.250 s had no notification for 4.650 s (limit 1.750 s)",
        ),
        Case(
            "one is left out",
            lambda: notified(listener().without("odd", "notified"), but=2.9).is_evicted(6.0),
            FAIL,
            "odd-1 at t0+1.900 s had no notification for 2.000 s (limit 1.750 s)",
        ),
        Case(
            "they come on no beat",
            lambda: notified(listener().without("odd", "notified"), step=1.5).is_evicted(6.0),
            PASS,
            "notifications reached 66 clients",
        ),
        Case(
            "one is left out at the end",
            lambda: notified(listener().without("odd", "notified"), until=3.5).is_evicted(6.0),
            FAIL,
            "odd-1 at t0+2.900 s had no notification for 2.000 s",
        ),
        Case(
            "one is left out at a short interval",
            lambda: notified(story(notify_interval_s=0.2).client("odd-1"), step=0.4),
            FAIL,
            "had no notification for 0.400 s (limit 0.350 s)",
        ),
        Case(
            "questions are not answered",
            lambda: listener().says(2.0, 0, broadcast=False),
            FAIL,
            "odd-1 at t0+2.000 s missed 1 of 1 replies, that to 0 for one",
        ),
        Case(
            "one of many is not answered",
            lambda: listener().says(2, 0, broadcast=False).is_answered(2.1, 0).says(3, 1, broadcast=False),
            FAIL,
            "odd-1 at t0+3.000 s missed 1 of 2 replies, that to 1 for one",
        ),
        Case(
            "answered at the deadline",
            lambda: listener().says(2.0, 0, broadcast=False).is_answered(4.99, 0),
            FAIL,
            "odd-1 at t0+2.000 s had late 1 of 1 replies",
        ),
        Case(
            "nothing is due while the harness had stopped the target",
            lambda: silent_between(1.0, 2.0).stands_still(1.0, 2.0),
            PASS,
            "all broadcasts reached 65 clients, replies reached 2 clients",
        ),
        Case("up to an operator's force", lambda: healthy().ctrl_c(3.0), PASS, "between t0+0.250 s and t0+2.900 s"),
        Case("a question too late to be answered", lambda: listener().says(4.8, 0), PASS, "replies reached 2"),
        Case(
            "a text that nobody answers",
            lambda: listener().says(2, 0, answerable=False, broadcast=False),
            PASS,
            "replies reached 2",
        ),
        Case(
            "a dialect without broadcasts",
            lambda: notified(odd_one()).under(broadcasts=False),
            PASS,
            "notifications reached 66",
        ),
        Case(
            "a target without notifications",
            lambda: healthy().under(notify_interval_s=None).without(what="notified"),
            PASS,
            "65 clients, rep",
        ),
        Case(
            "notifications too rare to expect",
            lambda: healthy().under(notify_interval_s=4.5).without(what="notified"),
            PASS,
            "65 clients, rep",
        ),
        Case(
            "a dialect without answers",
            lambda: mute_dialect(),
            PASS,
            "notifications reached 65 clients between",
        ),
        Case("a hostile one hears nothing", lambda: odd_one(hostile=True), PASS, "65 clients"),
        Case("nor one that is never let in", lambda: waiter(None), PASS, "65 clients"),
        Case(
            "one's own messages are not for oneself",
            lambda: (
                story(notify_interval_s=None)
                .client("odd-1")
                .says(1, 0)
                .says(2, 1)
                .says(3, 2)
                .is_answered(1.1, 0)
                .is_answered(2.1, 1)
                .is_answered(3.1, 2)
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
            lambda: story(notify_interval_s=None).client("leaver-1").leaves(3).exits(6),
            UNKNOWN,
            "no client was connected",
        ),
        Case(
            "nobody stayed, and one was not served",
            lambda: story().client("leaver-1").leaves(3).exits(6),
            FAIL,
            "leaver-1 at t0+0.250 s had no notification for 2.750 s",
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
            "24 messages of 2 clients after t0-1.000 s and 30 accepted broadcasts to 71 clients after t0: none lost",
        ),
        Case(
            "an answer missing at the close",
            lambda: talker([0, 1]).is_evicted(5.5),
            FAIL,
            "1 of 3 clients' answers or broadcasts were lost, doubled or out of order; first odd-1 at t0+5.500 s"
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
            "24 messages of 2 clients",
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
        Case("accepted just before the close", lambda: closed_after_a_post(4.320), FAIL, "100, accepted at t0+4.310 s"),
        Case("nearer than what no lag record shows", lambda: closed_after_a_post(4.314), PASS, "31 accepted"),
        Case("or by a harness that lagged", lambda: closed_after_a_post(4.320).lags(4.32, 0.008), PASS, "31 accepted"),
        Case("or by one that looks seldom", lambda: closed_after_a_post(4.350, "slow-reader-1"), PASS, "31 accepted"),
        Case(
            "before a client's own close",
            lambda: after_a_post().leaves(4.5),
            PASS,
            "31 accepted",
        ),
        Case("long before a client's own close", lambda: after_a_post().leaves(4.6), FAIL, "had not heard broadcast"),
        Case("before it tears its line", lambda: after_a_post().ends(4.5, "local"), PASS, "31 accepted"),
        Case("long before it tears its line", lambda: after_a_post().ends(4.6, "local"), FAIL, "had not heard broadc"),
        Case("before it is cut", lambda: after_a_post().ends(4.33, "reset"), FAIL, "had not heard broadcast:100"),
        Case(
            "two senders in another order than for the others",
            swapped_for_one,
            FAIL,
            "1 of 74 clients' answers or broadcasts were lost, doubled or out of order; first odd-1 at t0+5.500 s"
            " heard busy-2:3 before busy-1:3, others after it",
        ),
        Case("which a target may declare", lambda: swapped_for_one().under(order="sender"), PASS, "30 accepted"),
        Case(
            "said in a room of its own",
            lambda: healthy().about("busy-1").says(4.05, 90, broadcast=False).is_answered(4.06, 90),
            PASS,
            "25 messages of 2 clients after t0-1.000 s and 30 accepted broadcasts",
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
            "0 messages of 0 clients after t0-1.000 s and 32 accepted broadcasts",
        ),
        Case(
            "without answers, what a leaver said last may be lost",
            lambda: mute_dialect().client("odd-1", 4.5).says(4.6, 0).leaves(4.7),
            PASS,
            "32 accepted",
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
            "32 accepted",
        ),
        Case(
            "without answers, what was said just before all are closed at once",
            lambda: closed_at_once(20),
            PASS,
            "20 accepted broadcasts to 4 clients after t0-1.000 s",
        ),
        Case("without answers, and hardly anything said", lambda: closed_at_once(19), UNKNOWN, "only 19 messages"),
        Case(
            "without answers, what was said just before is not heard by one",
            lambda: closed_at_once(20).client("odd-1").is_evicted(0.01),
            FAIL,
            "had not heard talker-1:0",
        ),
        Case(
            "too little said",
            lambda: healthy().under(broadcasts=False).without("busy-1"),
            UNKNOWN,
            "only 12 messages after t0-1.000 s",
        ),
        Case(
            "a dialect in which nobody hears anything",
            lambda: healthy().under(answers=False, broadcasts=False).without(what="answered").without(what="heard"),
            EXCLUDED,
            "nobody is seen to hear what a client says",
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
