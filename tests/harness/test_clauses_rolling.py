"""Clause 33 on literal histories: what clients that come back lost, had twice, had out of order, and how they moved."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from harness.clauses import CLAUSES
from harness.history.record import History
from harness.history.resume_run import ResumeRun
from tests.harness.histories import FAIL, PASS, T0, UNKNOWN, Case, Cases, Story, check, each, story
from tests.harness.resume_runs import EVERY_S, MESSAGES, Deploy, Row, healthy_deploy, message, moves, stays


def changed(change: Callable[[Deploy], object], clients: int = 12) -> Callable[[], Story]:
    """The healthy deploy with a change."""

    def told() -> Story:
        deploy = healthy_deploy(clients)
        change(deploy)
        return deploy

    return told


def again(rows: list[Row], seq: int, t: float) -> list[Row]:
    """The arrivals with one more, of a message that is among them."""
    return sorted([*rows, next((t, *row[1:]) for row in rows if row[1] == seq)])


def steady(clients: int = 12, messages: int = MESSAGES) -> Deploy:
    """No host is replaced, and nobody moves."""
    told = Deploy()
    for name in ("speaker-1", "speaker-2", *(f"reconnecting-{i}" for i in range(2, clients))):
        stays(told, name, messages=messages)
    told.says_everything(messages)
    return told


def emptied(told_of_it: bool = True, recorded: bool = True) -> Story:
    """The broker is emptied at 4.05 s: 38 to 40 are lost for half of them, and 39 is published again in epoch `f`."""
    told = steady()
    for i, who in enumerate(told.rows):
        had = [row for row in told.rows[who] if row[1] <= (37 if i % 2 else 40)]
        again_39 = [] if who == "speaker-1/1" else [(4.07, 1, 0, 20)]
        after = [(t, seq - 39, sender, n) for t, seq, sender, n in told.rows[who] if seq > 40]
        told.rows[who] = [*had, *again_39, *after]
        if told_of_it:
            told.about(who).has_a_gap(4.06, after=37 if i % 2 else 40, following=1, epoch="f", frames=len(had))
    return with_the_broker_emptied(told) if recorded else told


def cut_off(replayed: bool = True) -> Story:
    """A client is cut off at 2 s, and is back at 4 s: what came in between is replayed."""
    told = steady()
    told.loses("reconnecting-5/1", *range(20, MESSAGES + 1))
    told.about("reconnecting-5/1").ends(2.0, "reset")
    moves(told, "reconnecting-5", 4.0, position=19)
    return told if replayed else told.loses("reconnecting-5/2", *range(20, 40))


def resumed_at_once(change: Callable[[Deploy], object]) -> Callable[[], Story]:
    """Somebody resumes at 2 s where it is; what is changed is about that connection."""

    def told() -> Story:
        deploy = steady()
        moves(deploy, "reconnecting-5", 2.0)
        change(deploy)
        return deploy

    return told


def others() -> Deploy:
    """A server that acknowledges nothing, and answers no resume: what is replayed comes as soon as it can."""
    told = Deploy()
    for name in ("speaker-1", "speaker-2", *(f"reconnecting-{i}" for i in range(2, 12))):
        told.connects(name, 1, -1.0, answers=False).is_welcomed(-0.9)
        told.receives(*(message(seq) for seq in range(1, 41)))
        told.connects(name, 2, 4.02, ("e", 40), answers=False)
        told.receives(*(message(seq) for seq in range(41, MESSAGES + 1)))
    return told.says_everything().without(what="acked")


def ended(told: Deploy, t: float) -> Deploy:
    """Nobody's first connection stands for longer."""
    for who in told.rows:
        if who.endswith("/1"):
            told.about(who).ends(t, "reset")
    return told


def nobody_received(told: Deploy, seq: int) -> Deploy:
    for who in told.rows:
        told.loses(who, seq)
    return told


def with_the_broker_emptied(told: Deploy) -> Deploy:
    """It is emptied at 4.05 s."""
    return told.about("broker").add(4.05, "emptied").add(4.055, "ready")


def all_are_told(told: Deploy, after: int, following: int) -> Deploy:
    for who in told.rows:
        told.about(who).has_a_gap(4.2, after, following, frames=after)
    return told


def misses_two(after: int, following: int) -> Deploy:
    """One client does not get numbers 40 and 41; all are told of a gap there."""
    return all_are_told(steady().loses("reconnecting-5/1", 40, 41), after, following)


CASES: Cases = {
    33: [
        Case(
            "a rolling deploy",
            healthy_deploy,
            PASS,
            "lost 0, doubled 0, reordered 0 of 880 due; 80 messages to 12 clients, longest silence p99 0.200 s, max",
        ),
        Case(
            "what goes with it",
            healthy_deploy,
            PASS,
            "3 of 3 hosts replaced, moved 12 times (1 to 1 each), peak 4 reconnects/s (5 if even over 2.5 s), harness",
        ),
        Case(
            "a target without a window",
            lambda: healthy_deploy().under(reconnect_window_s=None),
            PASS,
            "reconnects/s, h",
        ),
        Case("a harness that lagged", lambda: healthy_deploy().lags(2.0, 0.3), PASS, "harness lag 0.300 s"),
        Case("no host replaced, nobody moved", steady, PASS, "longest silence p99 0.200 s, max 0.200 s, moved 0 times"),
        Case(
            "one of the hosts replaced",
            lambda: steady().host(1, 9.5).host(2),
            PASS,
            "1 of 2 hosts replaced, moved 0 times (0 to 0 each)",
        ),
        Case("cut off and back", cut_off, PASS, "lost 0, doubled 0, reordered 0 of 880 due"),
        Case(
            "came anew and owes nothing to what was said before",
            lambda: stays(steady(), "reconnecting-99", since=4.05),
            PASS,
            "of 920 due",
        ),
        Case(
            "said before it came, and received all the same",
            lambda: stays(steady(), "reconnecting-99", since=4.05).gets("reconnecting-99/1", message(40)),
            PASS,
            "of 920 due",
        ),
        Case(
            "its own messages are another matter",
            changed(lambda told: told.gets("speaker-1/1", message(1), message(1))),
            PASS,
            "doubled 0",
        ),
        Case(
            "who never got in",
            lambda: steady().connects("reconnecting-50", 1, 1.0).without("reconnecting-50/1", "opened").refused(1.1),
            PASS,
            "to 12 clients",
        ),
        Case(
            "let in and never welcomed",
            lambda: (
                stays(steady(), "reconnecting-99", since=4.05)
                .without("reconnecting-99", "welcome")
                .loses("reconnecting-99/1", 50)
            ),
            FAIL,
            "lost 1, doubled 0, reordered 0 of 920 due",
        ),
        Case(
            "others' connections are not looked at",
            lambda: steady().client("lingerer-1").gets_notice(0.1),
            PASS,
            "to 12 clients",
        ),
        Case(
            "a message of somebody who is not known",
            changed(lambda told: told.knows("stranger").gets("reconnecting-5/2", (7.05, 71, 2, 9), (7.06, 72, 2, 12))),
            FAIL,
            "lost 2",
        ),
        Case(
            "one that never came",
            changed(lambda told: told.loses("reconnecting-5/2", 70)),
            FAIL,
            "lost 1, doubled 0, reordered 0 of 880 due;",
        ),
        Case(
            "who lost which, and when it was said",
            changed(lambda told: told.loses("reconnecting-5/2", 70)),
            FAIL,
            "first reconnecting-5 at +6.900 s did not get speaker-2:35",
        ),
        Case(
            "the last one",
            changed(lambda told: told.loses("reconnecting-5/2", 80)),
            FAIL,
            "lost 1, doubled 0, reordered 0",
        ),
        Case(
            "acknowledged, and nobody received it",
            lambda: nobody_received(steady(), 80),
            FAIL,
            "lost 11, doubled 0, reordered 0 of 880 due",
        ),
        Case(
            "not even acknowledged",
            lambda: steady(messages=79),
            PASS,
            "lost 0, doubled 0, reordered 0 of 869 due",
        ),
        Case(
            "left out at the seam, where the old connection brought it",
            changed(lambda told: told.loses("reconnecting-5/2", 56)),
            FAIL,
            "lost 1, doubled 0, reordered 0 of 880 due",
        ),
        Case("not replayed after a cut", lambda: cut_off(replayed=False), FAIL, "lost 20, doubled 0, reordered 0"),
        Case(
            "never back after a cut",
            lambda: cut_off().without("reconnecting-5/2"),
            FAIL,
            "lost 61, doubled 0",
        ),
        Case(
            "twice on one connection",
            changed(lambda told: told.on("reconnecting-5/2", lambda rows: again(rows, 70, 7.3))),
            FAIL,
            "lost 0, doubled 1, reordered 0 of 880 due;",
        ),
        Case(
            "twice, and where",
            changed(lambda told: told.on("reconnecting-5/2", lambda rows: again(rows, 70, 7.3))),
            FAIL,
            "first reconnecting-5 at +7.200 s was sent speaker-2:35 on reconnecting-5/2 again",
        ),
        Case(
            "replayed although the client had it",
            changed(lambda told: told.gets("reconnecting-5/2", (5.563, *message(55)[1:]))),
            FAIL,
            "lost 0, doubled 1, reordered 0",
        ),
        Case(
            "in the wrong order",
            changed(lambda told: told.loses("reconnecting-5/2", 70).gets("reconnecting-5/2", (7.35, *message(70)[1:]))),
            FAIL,
            "lost 0, doubled 0, reordered 1 of 880 due;",
        ),
        Case(
            "replayed at the next resume, after later ones",
            lambda: resumed_at_once(lambda told: told.loses("reconnecting-5/1", 10))().gets(
                "reconnecting-5/2", message(10, 1.1)
            ),
            FAIL,
            "lost 0, doubled 0, reordered 1",
        ),
        Case(
            "a resume without an answer",
            resumed_at_once(lambda told: told.without("reconnecting-5", "resumed").without_rows("reconnecting-5/2")),
            FAIL,
            "resumes unanswered 1",
        ),
        Case(
            "a resume without an answer, and how long it took",
            resumed_at_once(lambda told: told.without("reconnecting-5", "resumed").without_rows("reconnecting-5/2")),
            FAIL,
            "reconnecting-5 at +1.901 s had no answer to its resume on reconnecting-5/2 in 6.999 s",
        ),
        Case(
            "a resume on a connection that was gone too soon",
            resumed_at_once(
                lambda told: told.without("reconnecting-5", "resumed").ends(2.9).without_rows("reconnecting-5/2")
            ),
            PASS,
            "moved 1 times",
        ),
        Case(
            "a resume that was refused",
            resumed_at_once(
                lambda told: (
                    told.without("reconnecting-5/2", "resumed")
                    .without("reconnecting-5/2", "opened")
                    .without_rows("reconnecting-5/2")
                )
            ),
            PASS,
            "moved 0 times",
        ),
        Case(
            "messages in place of an answer",
            resumed_at_once(lambda told: told.without("reconnecting-5", "resumed")),
            FAIL,
            "had 61 messages on reconnecting-5/2 before its resume was answered",
        ),
        Case(
            "messages before the answer",
            resumed_at_once(lambda told: told.without("reconnecting-5", "resumed").is_resumed(2.9, frames=9)),
            FAIL,
            "had 9 messages on reconnecting-5/2 before its resume was answered",
        ),
        Case(
            "not moved",
            changed(lambda told: stays(told, "reconnecting-99")),
            FAIL,
            "first reconnecting-99 at +7.900 s was moved 0 times (limits 1 and 3)",
        ),
        Case(
            "moved too often",
            changed(lambda told: [moves(told, "reconnecting-5", t, n) for t, n in ((6.0, 3), (6.5, 4), (7.0, 5))]),
            FAIL,
            "reconnecting-5 at +7.900 s was moved 4 times (limits 1 and 3)",
        ),
        Case("others' servers: no resume is answered", others, PASS, "lost 0, doubled 0, reordered 0 of 880 due;"),
        Case(
            "others' servers: what was said just before a connection ended, and nobody received, was not accepted",
            lambda: ended(nobody_received(others(), 20), 2.9),
            PASS,
            "lost 0, doubled 0, reordered 0 of 869 due;",
        ),
        Case(
            "others' servers: it was, where the connection went on",
            lambda: ended(nobody_received(others(), 20), 3.1),
            FAIL,
            "lost 11, doubled 0, reordered 0 of 880 due;",
        ),
        Case(
            "others' servers: what somebody received was",
            lambda: others().loses("reconnecting-5/1", 20),
            FAIL,
            "lost 1, doubled 0",
        ),
        Case("the broker emptied", emptied, PASS, "lost 0 (10 more announced by a gap), doubled 0, reordered 0"),
        Case("emptied, and nobody was told", lambda: emptied(told_of_it=False), FAIL, "lost 10, doubled 5"),
        Case(
            "a gap with no reason for it", lambda: emptied(recorded=False), FAIL, "lost 0 (10 more announced by a gap)"
        ),
        Case(
            "a gap that covers what is missing",
            lambda: with_the_broker_emptied(misses_two(39, 42)),
            PASS,
            "lost 0 (2 more announced by a gap)",
        ),
        Case(
            "a gap that does not cover all of it",
            lambda: with_the_broker_emptied(misses_two(39, 41)),
            FAIL,
            "lost 1 (1 more announced by a gap)",
        ),
        Case(
            "what nobody received, announced",
            lambda: with_the_broker_emptied(all_are_told(nobody_received(steady(), 40), 39, 41)),
            PASS,
            "lost 0 (11 more announced by a gap)",
        ),
        Case("few clients", lambda: steady(clients=9), UNKNOWN, "only 9 reconnecting clients, and a verdict needs 10"),
        Case(
            "few messages",
            lambda: steady(messages=49),
            UNKNOWN,
            "only 49 messages were accepted, and a verdict needs 50",
        ),
        Case("nobody", story, UNKNOWN, "no reconnecting client was ever connected"),
    ],
}


def test_a_history_that_was_written_and_read_back_is_judged_alike() -> None:
    history, written = cut_off(replayed=False).history(), io.StringIO()
    history.dump(written)
    (read,) = History.load(written.getvalue().splitlines())
    assert CLAUSES[33].judge(read) == CLAUSES[33].judge(history)


@pytest.mark.parametrize(("number", "case"), each(CASES))
def test_a_case(number: int, case: Case) -> None:
    check(CLAUSES[number], case)


def test_what_was_said_again_was_said_when_it_was_said_first() -> None:
    told = healthy_deploy().about("speaker-1/2").add(3.0, "published", n=1, frames=0).add(3.1, "error", code="x")
    run = ResumeRun(told.history())
    assert run.said_at((run.index_of("speaker-1"), 1)) == T0 + EVERY_S
