"""What a history keeps, and what is read from it."""

from __future__ import annotations

import io

import pytest

from harness.clauses import CLAUSES, judge
from harness.history.record import History
from harness.history.resume_run import ResumeRun
from harness.targets.talk import read
from tests.harness.histories import T0, TERMS, healthy, story
from tests.harness.resume_runs import healthy_deploy


def test_a_history_reads_back_as_it_was_dumped() -> None:
    talk = read({"first": [{"hear": "ack", "say": {"hex": "82 {client}"}}], "keepalive": {"hear": "2", "say": "3"}})
    history = healthy().under(talk=talk).history()
    file = io.StringIO()
    history.dump(file)
    file.seek(0)
    (again,) = History.load(file)
    assert again.terms == history.terms
    assert again.events == history.events
    assert judge(again, CLAUSES) == judge(history, CLAUSES)


def test_the_histories_of_several_runs_in_one_file_are_read_back_one_by_one() -> None:
    histories = [healthy().history(), History(TERMS), story().history()]
    file = io.StringIO()
    for history in histories:
        history.dump(file)
    file.seek(0)
    again = History.load(file)
    assert [(each.terms, each.events, each.t0) for each in again] == [(h.terms, h.events, h.t0) for h in histories]


@pytest.mark.parametrize("lines", [[], ['{"t": 1.0}']])
def test_lines_without_terms_are_no_history(lines: list[str]) -> None:
    with pytest.raises(ValueError, match="the first line holds"):
        History.load(lines)


def test_t0_is_the_first_signal_and_the_deadline_follows_from_it() -> None:
    history = History(TERMS)
    assert (history.t0, history.deadline, history.drain) == (None, None, None)
    history.record(10.0, "target", "signal", signal="SIGTERM", to="process")
    history.record(11.0, "target", "signal", signal="SIGTERM", to="process")
    assert (history.t0, history.deadline) == (10.0, 15.0)


def test_a_stop_without_a_signal_has_a_t0_too() -> None:
    history = History(TERMS)
    history.record(10.0, "target", "cause", cause="request limit")
    history.record(11.0, "target", "signal", signal="SIGINT", to="group")
    history.record(12.0, "target", "signal", signal="SIGINT", to="group")
    assert history.t0 == 10.0
    assert history.drain is not None
    assert (history.drain.cause, history.drain.forced_at, history.drain.evicts_at) == ("request limit", 12.0, 12.0)


def test_a_view_follows_what_is_recorded_after_it() -> None:
    history = story().client("lingerer-1").history()
    before = history.drain
    assert before is history.drain
    assert before is not None
    assert before.connections[0].ended is None
    history.record(T0 + 1.0, "lingerer-1", "ended", how="eof")
    assert history.drain is not before
    assert history.drain is not None
    assert history.drain.connections[0].evicted_at == T0 + 1.0


def test_a_client_that_waits_to_be_let_in_is_there_only_from_then_on() -> None:
    told = story().waits_to_be_let_in("lingerer-1", -1.0).is_let_in(1.0).waits_to_be_let_in("lingerer-2", -1.0)
    drain = told.add(2.0, "not_let_in", reason="'ack' was not heard").history().drain
    assert drain is not None
    first, second = drain.connections
    assert (first.opened_at, first.let_in_at, second.let_in_at) == (T0 - 1.0, T0 + 1.0, None)
    assert [first.connected_at(T0), first.connected_at(T0 + 1.5), second.connected_at(T0 + 1.5)] == [False, True, False]


def test_a_refused_second_handshake_leaves_the_first_connection_standing() -> None:
    drain = story().client("a-1").handshake("a-1", 1.0).refused(1.1).leaves(2.0).history().drain
    assert drain is not None
    assert [client.left_at for client in drain.connections] == [T0 + 2.0]
    assert len(drain.handshakes) == 2


def test_a_name_that_returns_is_a_new_connection() -> None:
    drain = story().client("a-1").leaves(1.0).client("a-1", opened=2.0).leaves(3.0).history().drain
    assert drain is not None
    assert [client.left_at for client in drain.connections] == [T0 + 1.0, T0 + 3.0]


def test_the_clients_of_a_harness_that_gave_up_are_no_longer_observed() -> None:
    drain = story().client("a-1").gives_up(8.0).about("a-1").closes(8.1).history().drain
    assert drain is not None
    assert drain.connections[0].gone_at is None


def test_a_client_that_was_never_connecting_is_a_mistake_of_the_recorder() -> None:
    history = story().history()
    history.record(T0, "a-1", "opened")
    with pytest.raises(ValueError, match="a-1 recorded 'opened'"):
        _ = history.drain


def test_a_kind_that_no_client_records_is_a_mistake_of_the_recorder() -> None:
    history = story().client("a-1").history()
    history.record(T0, "a-1", "sneezed")
    with pytest.raises(ValueError, match="'sneezed'"):
        _ = history.drain


def test_a_message_that_is_sent_again_counts_from_when_it_was_sent_first() -> None:
    told = healthy_deploy().about("speaker-1/2").add(4.0, "published", n=1, frames=0)
    assert ResumeRun(told.history()).said_at((0, 1)) == T0 + 0.1
