"""One client's life told event by event: whole effects are compared."""

from __future__ import annotations

import json

import pytest

from clients.python.attempts import BACKOFF_CAP_S, STEADY_S, longest_wait_s
from clients.python.events import (
    Deliver,
    Effect,
    End,
    Ending,
    Leave,
    Lose,
    Notify,
    Open,
    Published,
    Refuse,
    Renew,
    Send,
    Status,
)
from clients.python.machine import ATTEMPT_S, WINDOW, Machine
from clients.python.wire import (
    Ack,
    Draining,
    Expiring,
    Gap,
    Message,
    Refusal,
    Renewed,
    Resumed,
    ServerMessage,
    Welcome,
    join,
    leave,
    renew,
)

HALF_S = 0.1  # half of the longest wait after the first failure
NOTICE = Draining(30.0, "2026-01-01T00:00:30Z", 5.0)
CUT = Ending("cut off without a close frame")
EXPIRED = Ending("closed by the server with 4401 token expired", code=4401)
RESTART = Ending("closed by the server with 1012 service restart", code=1012)


def message(seq: int, room: str | None = None) -> Message:
    return Message(seq, room, "bob", f"message {seq}", "")


def begun(places: int = 2, *rooms: str, renews: bool = False) -> Machine:
    """A client whose first connection was opened at 0."""
    machine = Machine(range(places), rooms, dice=lambda: 0.5, renews=renews)
    (opened,) = machine.tick(0.0)
    assert isinstance(opened, Open)
    return machine


def connected(places: int = 2, *rooms: str, seq: int = 7, renews: bool = False) -> Machine:
    machine = begun(places, *rooms, renews=renews)
    assert machine.heard(1, Welcome("e", seq), 0.0) == [Status("connected", 0)]
    return machine


def moving() -> Machine:
    """A client that has begun to move, at 6, from its position 7."""
    machine = connected()
    machine.heard(1, NOTICE, 1.0)
    assert machine.tick(6.0) == [Open(2, 1, "?epoch=e&seq=7")]
    return machine


def test_it_begins_at_once_at_the_first_place_in_its_rooms():
    machine = Machine([1, 0], ["tea", "a&b"], dice=lambda: 0.5)
    assert machine.due_at == 0.0
    assert machine.tick(0.0) == [Open(1, 1, "?room=a%26b&room=tea")]


def test_a_message_is_delivered_once_and_a_number_that_it_has_is_a_duplicate():
    machine = connected()
    assert machine.heard(1, message(8), 1.0) == [Deliver(message(8))]
    assert machine.heard(1, message(8), 1.0) == []
    assert machine.heard(1, message(6), 1.0) == []
    assert machine.heard(1, message(12), 1.0) == [Deliver(message(12))]
    assert machine.position.resume_from == ("e", 12)


def test_what_is_said_on_a_connection_that_it_does_not_have_means_nothing():
    machine = connected()
    assert machine.heard(5, message(8), 1.0) == []
    assert machine.lost(5, CUT, 1.0) == []
    assert machine.heard(1, Welcome("f", 0), 1.0) == []


def test_nothing_is_due_on_a_connection_that_stands():
    machine = connected()
    assert machine.due_at is None
    assert machine.tick(1000.0) == []


def test_a_notice_is_announced_once_and_acted_on_at_its_moment():
    machine = connected()
    assert machine.heard(1, NOTICE, 1.0) == [Notify(NOTICE), Status("draining", 0, wait_s=5.0)]
    assert machine.heard(1, NOTICE, 2.0) == []
    assert machine.due_at == 6.0
    assert machine.tick(5.9) == []
    assert machine.tick(6.0) == [Open(2, 1, "?epoch=e&seq=7")]


def test_it_leaves_the_old_connection_when_the_new_one_has_answered_and_not_before():
    machine = moving()
    assert machine.heard(1, message(8), 6.0) == [Deliver(message(8))]
    assert machine.heard(2, Welcome("e", 8), 6.1) == []
    assert machine.heard(1, message(9), 6.1) == [Deliver(message(9))]
    assert machine.heard(2, Resumed("e", 9, 2), 6.2) == [Status("moved", 1), Leave(1)]
    assert machine.heard(2, message(8), 6.2) == []
    assert machine.heard(1, message(10), 6.2) == []
    assert machine.heard(2, message(9), 6.2) == []
    assert machine.heard(2, message(10), 6.2) == [Deliver(message(10))]
    assert machine.due_at is None


def test_with_one_place_it_connects_there_again():
    machine = connected(places=1)
    machine.heard(1, NOTICE, 1.0)
    assert machine.tick(6.0) == [Open(2, 0, "?epoch=e&seq=7")]


def test_a_move_that_fails_is_tried_again_while_the_old_connection_serves():
    machine = moving()
    refused = Ending("refused with HTTP 503", status=503)
    assert machine.lost(2, refused, 6.1) == [Status("refused", 1, "refused with HTTP 503", HALF_S)]
    assert machine.heard(1, message(8), 6.1) == [Deliver(message(8))]
    assert machine.tick(6.1 + HALF_S / 2) == []
    assert machine.tick(6.1 + HALF_S) == [Open(3, 1, "?epoch=e&seq=8")]
    assert machine.lost(3, refused, 6.3) == [Status("refused", 1, "refused with HTTP 503", 2 * HALF_S)]


def test_a_connection_that_is_cut_during_a_move_leaves_the_move_as_it_is():
    machine = moving()
    assert machine.lost(1, RESTART, 6.1) == [Status("cut", 0, RESTART.reason)]
    assert machine.heard(2, Resumed("e", 7, 0), 6.2) == [Status("connected", 1)]


def test_a_client_that_is_cut_waits_with_jitter_and_resumes_elsewhere():
    machine = connected()
    assert machine.lost(1, CUT, 3.0) == [Status("cut", 0, CUT.reason, HALF_S)]
    assert machine.due_at == 3.0 + HALF_S
    assert machine.tick(3.2) == [Open(2, 1, "?epoch=e&seq=7")]


@pytest.mark.parametrize(("stood_s", "failures"), [(STEADY_S, 1), (STEADY_S - 1, 3)])
def test_a_connection_that_does_not_stand_counts_as_one_more_failure(stood_s: float, failures: int):
    machine = connected()
    machine.lost(1, CUT, 0.0)
    machine.tick(1.0)
    machine.lost(2, CUT, 1.0)
    machine.tick(2.0)
    machine.heard(3, Resumed("e", 7, 0), 2.0)
    (cut,) = machine.lost(3, CUT, 2.0 + stood_s)
    assert cut == Status("cut", 0, CUT.reason, longest_wait_s(failures) / 2)


def test_a_client_that_was_told_and_then_closed_starts_its_backoff_anew():
    machine = moving()
    machine.lost(2, CUT, 6.1)
    machine.tick(7.0)
    machine.lost(3, CUT, 7.1)
    assert machine.lost(1, RESTART, 7.2) == [Status("cut", 0, RESTART.reason, HALF_S)]


def test_a_client_that_has_moved_starts_its_backoff_anew():
    machine = moving()
    machine.lost(2, CUT, 6.1)
    machine.tick(7.0)
    machine.heard(3, Resumed("e", 7, 0), 7.1)
    assert machine.lost(3, CUT, 7.2) == [Status("cut", 1, CUT.reason, HALF_S)]


def test_the_wait_grows_to_a_bound():
    waits = [longest_wait_s(failures) for failures in (1, 2, 3, 6, 7, 10_000)]
    assert waits == [0.2, 0.4, 0.8, 6.4, BACKOFF_CAP_S, BACKOFF_CAP_S]


def test_an_attempt_without_an_answer_is_given_up():
    machine = moving()
    assert machine.due_at == 6.0 + ATTEMPT_S
    assert machine.tick(16.0) == [Leave(2), Status("refused", 1, "no answer within 10 s", HALF_S)]
    assert machine.heard(2, Resumed("e", 7, 0), 16.1) == []


def test_one_that_has_heard_nothing_resumes_from_its_welcome():
    machine = connected(seq=0)
    machine.lost(1, CUT, 1.0)
    assert machine.tick(2.0) == [Open(2, 1, "?epoch=e&seq=0")]


def test_one_that_was_idle_resumes_from_where_its_last_replay_was_complete():
    machine = connected()
    machine.lost(1, CUT, 1.0)
    machine.tick(2.0)
    machine.heard(2, Resumed("e", 500, 0), 2.0)
    assert machine.position.resume_from == ("e", 500)
    machine.lost(2, CUT, 3.0)
    machine.tick(4.0)
    machine.heard(3, Resumed("e", 900, 2), 4.0)
    machine.heard(3, message(600), 4.0)
    assert machine.position.resume_from == ("e", 600)
    machine.heard(3, message(700), 4.0)
    assert machine.position.resume_from == ("e", 900)


def test_one_that_is_moved_twice_has_everything_once():
    machine = moving()
    machine.heard(2, Resumed("e", 7, 0), 6.1)
    assert machine.heard(2, message(8), 6.2) == [Deliver(message(8))]
    machine.heard(2, NOTICE, 7.0)
    assert machine.tick(12.0) == [Open(3, 0, "?epoch=e&seq=8")]
    assert machine.heard(3, Resumed("e", 8, 0), 12.1) == [Status("moved", 0), Leave(2)]


def test_a_notice_that_is_before_the_answer_to_the_resume_is_announced_on_arrival():
    machine = moving()
    assert machine.heard(2, NOTICE, 6.1) == []
    effects = machine.heard(2, Resumed("e", 7, 0), 7.0)
    assert effects == [Status("moved", 1), Leave(1), Notify(NOTICE), Status("draining", 1, wait_s=pytest.approx(4.1))]
    assert machine.due_at == 11.1


# ---- Gaps ----


def test_a_gap_is_a_loss_and_the_numbers_go_on_after_it():
    machine = connected()
    gap = Gap(after=7, next=20, epoch="e")
    assert machine.heard(1, gap, 1.0) == [Lose(gap)]
    assert machine.heard(1, message(20), 1.0) == [Deliver(message(20))]


def test_a_gap_over_what_the_client_has_is_no_loss():
    machine = connected()
    assert machine.heard(1, Gap(after=3, next=6, epoch="e"), 1.0) == []
    assert machine.heard(1, message(7), 1.0) == []


def test_a_gap_in_answer_to_a_resume_is_an_arrival_in_another_epoch():
    machine = moving()
    gap = Gap(after=7, next=1, epoch="f")
    assert machine.heard(2, gap, 6.1) == [Status("moved", 1), Leave(1), Lose(gap)]
    assert machine.heard(2, message(1), 6.2) == [Deliver(message(1))]


def test_a_replay_that_is_broken_off_by_a_gap_is_not_complete():
    machine = moving()
    machine.heard(2, Resumed("e", 900, 2), 6.1)
    machine.heard(2, Gap(after=7, next=1, epoch="f"), 6.2)
    for seq in (1, 2):
        assert machine.heard(2, message(seq), 6.3) == [Deliver(message(seq))]
    assert machine.position.resume_from == ("f", 2)


def test_a_resume_in_an_epoch_that_has_ended_meanwhile_is_tried_again():
    machine = moving()
    gap = Gap(after=7, next=1, epoch="f")
    assert machine.heard(1, gap, 6.1) == [Lose(gap)]
    reason = "resumed in an epoch that is over"
    assert machine.heard(2, Resumed("e", 7, 0), 6.2) == [Leave(2), Status("refused", 1, reason, HALF_S)]
    assert machine.tick(7.0) == [Open(3, 1, "?epoch=f&seq=0")]


# ---- Publishes ----


def sent(number: int, id: str, data: str, **more: str) -> Send:
    return Send(number, json.dumps({"type": "publish", "id": id, "data": data} | more, separators=(",", ":")))


def test_a_publish_is_sent_and_has_its_number_with_its_acknowledgement():
    machine = connected()
    assert machine.publish("a", "x", "tea") == [sent(1, "a", "x", room="tea")]
    assert machine.heard(1, Ack("a", 8), 1.0) == [Published("a", 8)]
    assert machine.heard(1, Ack("a", 8), 1.0) == []


def test_publishes_without_acknowledgement_are_repeated_in_their_order_on_the_next_connection():
    machine = connected()
    for id in ("a", "b", "c"):
        machine.publish(id, id)
    machine.heard(1, Ack("b", 8), 1.0)
    machine.forget("c")
    machine.lost(1, CUT, 1.0)
    assert machine.publish("d", "d") == []
    machine.tick(2.0)
    effects = machine.heard(2, Resumed("e", 8, 0), 2.0)
    assert effects == [Status("connected", 1), sent(2, "a", "a"), sent(2, "d", "d")]


def test_a_publish_that_waits_is_not_published_again_under_the_same_id():
    machine = connected()
    machine.publish("a", "x")
    with pytest.raises(ValueError, match=r"^a publish with id 'a' waits for its acknowledgement$"):
        machine.publish("a", "y")


def test_a_refused_publish_is_not_repeated():
    machine = connected()
    machine.publish("a", "x")
    assert machine.heard(1, Refusal("broker_unavailable", "away", "a"), 1.0) == [
        Refuse("a", "broker_unavailable", "away")
    ]
    assert machine.heard(1, Refusal("broker_unavailable", "away", "a"), 1.0) == []
    assert machine.heard(1, Refusal("malformed", "what?", None), 1.0) == [Refuse(None, "malformed", "what?")]
    assert machine.pending == {}


def test_a_request_that_the_server_cannot_read_is_the_oldest_without_an_answer():
    machine = connected()
    machine.publish("a", "x")
    machine.publish("b", "y")
    assert machine.heard(1, Refusal("malformed", "what?", None), 1.0) == [Refuse("a", "malformed", "what?")]
    assert list(machine.pending) == ["b"]


# ---- Rooms ----


def test_rooms_are_entered_and_left_on_this_connection_and_all_later_ones():
    machine = connected(2, "tea")
    assert machine.join("coffee") == [Send(1, join("coffee"))]
    assert machine.leave("tea") == [Send(1, leave("tea"))]
    machine.lost(1, CUT, 1.0)
    assert machine.join("milk") == []
    assert machine.tick(2.0) == [Open(2, 1, "?epoch=e&seq=7&room=coffee&room=milk")]


def test_a_move_begun_before_a_room_was_entered_is_begun_again():
    machine = moving()
    machine.join("tea")
    assert machine.heard(2, Resumed("e", 7, 0), 6.1) == [Leave(2), Open(3, 1, "?epoch=e&seq=7&room=tea")]
    assert machine.heard(3, Resumed("e", 7, 0), 6.2) == [Status("moved", 1), Leave(1)]


def test_a_room_has_a_name_and_there_are_a_hundred():
    machine = connected(2, *map(str, range(100)))
    assert machine.join("99") == [Send(1, join("99"))]
    with pytest.raises(ValueError, match=r"^101 rooms, allowed are 100$"):
        machine.join("tea")
    with pytest.raises(ValueError, match=r"^room of 0 bytes, allowed are 1 to 128$"):
        machine.join("")


# ---- Ends ----


@pytest.mark.parametrize("code", [1003, 1007, 1008, 1009, 1010])
def test_a_close_code_that_would_come_again_ends_the_client(code: int):
    machine = moving()
    ending = Ending("closed", code=code)
    assert machine.lost(1, ending, 6.1) == [Leave(2), End(ending)]
    assert machine.due_at is None
    assert machine.tick(99.0) == []


@pytest.mark.parametrize(
    ("ending", "at_first", "later"),
    [
        (Ending("", status=400), True, True),
        (Ending("", status=401), True, True),
        (Ending("", status=403), True, False),
        (Ending("", status=404), True, False),
        (Ending("", status=429), False, False),
        (Ending("", status=503), False, False),
        (Ending("", final=True), True, True),
        (Ending("", code=1012), False, False),
        (Ending(""), False, False),
    ],
)
def test_a_refusal_that_would_come_again_ends_the_client(ending: Ending, at_first: bool, later: bool):
    first = begun().lost(1, ending, 0.1)
    assert first == ([End(ending)] if at_first else [Status("refused", 0, "", HALF_S)])
    then = moving().lost(2, ending, 6.1)
    assert then == ([Leave(1), End(ending)] if later else [Status("refused", 1, "", HALF_S)])


def test_a_client_that_is_closed_leaves_all_its_connections():
    assert begun().close() == [Leave(1)]
    machine = moving()
    assert machine.close() == [Leave(1), Leave(2)]
    assert machine.lost(1, CUT, 7.0) == []
    assert machine.close() == []


@pytest.mark.parametrize("said", [Ack("a", 1), message(9)])
def test_a_first_connection_arrives_with_its_welcome_and_nothing_else(said: ServerMessage):
    assert begun().heard(1, said, 0.0) == []


# ---- Tokens that expire ----


def test_a_token_that_expires_is_renewed_on_its_connection():
    machine = connected(renews=True)
    assert machine.heard(1, Expiring(60.0), 1.0) == [Renew(1, 60.0)]
    assert machine.renew(1, "new") == [Send(1, renew("new"))]
    assert machine.heard(1, Renewed(), 2.0) == []


def test_a_token_for_a_connection_that_was_left_is_not_shown_on_another_one():
    machine = connected(renews=True)
    machine.heard(1, Expiring(60.0), 1.0)
    machine.lost(1, CUT, 1.1)
    assert machine.renew(1, "new") == []
    machine.tick(2.0)
    machine.heard(2, Resumed("e", 7, 0), 2.1)
    assert machine.renew(1, "new") == []


def test_a_renewal_that_comes_too_fast_is_repeated_before_all_else_when_it_may_go_on():
    machine = connected(renews=True)
    machine.join("tea")
    machine.renew(1, "first")
    machine.heard(1, Refusal("rate_limited", "limit", None, 2.0), 1.0)
    assert machine.renew(1, "second") == []
    assert machine.tick(3.0) == [Send(1, renew("second")), Send(1, join("tea"))]

    machine.heard(1, Renewed(), 3.1)
    machine.heard(1, Refusal("rate_limited", "limit", None, 2.0), 3.2)
    assert machine.tick(6.0) == [Send(1, join("tea"))]


def test_a_renewal_of_a_connection_that_was_left_is_not_repeated_on_the_next_one():
    machine = connected(renews=True)
    machine.renew(1, "first")
    machine.lost(1, CUT, 1.0)
    machine.tick(2.0)
    machine.heard(2, Resumed("e", 7, 0), 2.1)
    machine.join("tea")
    machine.heard(2, Refusal("rate_limited", "limit", None, 2.0), 2.2)
    assert machine.tick(9.0) == [Send(2, join("tea"))]


def test_a_client_whose_token_has_expired_comes_back_where_it_can_get_another_and_else_ends():
    assert connected(renews=True).lost(1, EXPIRED, 1.0) == [Status("cut", 0, EXPIRED.reason, HALF_S)]
    assert begun(renews=True).lost(1, EXPIRED, 1.0) == [Status("refused", 0, EXPIRED.reason, HALF_S)]
    assert begun().lost(1, EXPIRED, 1.0) == [End(EXPIRED)]
    machine = connected()
    assert machine.heard(1, Expiring(60.0), 0.5) == []
    assert machine.lost(1, EXPIRED, 1.0) == [End(EXPIRED)]


# ---- Publishing no faster than the server takes it ----


def ids_sent(effects: list[Effect]) -> list[str]:
    return [json.loads(each.text)["id"] for each in effects if isinstance(each, Send)]


def too_fast(id: str) -> Refusal:
    return Refusal("rate_limited", "messages refused: 1, limit 50 a second, burst 100", id, 2.0)


def test_so_many_publishes_wait_for_their_acknowledgement_and_the_others_for_these():
    machine = connected()
    at_once = [id for n in range(40) for id in ids_sent(machine.publish(f"m{n}", n))]
    assert at_once == [f"m{n}" for n in range(WINDOW)]

    assert ids_sent(machine.heard(1, Ack("m0", 8), 1.0)) == [f"m{WINDOW}"]
    assert ids_sent(machine.heard(1, Refusal("broker_unavailable", "away", "m1"), 1.0)) == [f"m{WINDOW + 1}"]


def test_who_is_too_fast_waits_as_it_is_told_and_then_publishes_in_order():
    machine = connected()
    for n in range(4):
        machine.publish(f"m{n}", n)
    machine.heard(1, Ack("m0", 8), 1.0)
    assert [machine.heard(1, too_fast(id), 1.0) for id in ("m1", "m2", "m3")] == [[], [], []]
    assert machine.publish("m4", 4) == []
    assert machine.due_at == 3.0
    assert machine.tick(2.9) == []

    assert ids_sent(machine.tick(3.0)) == ["m1", "m2", "m3", "m4"]
    assert machine.due_at is None


def test_a_new_connection_is_told_what_waits_at_once():
    machine = connected()
    machine.publish("m0", 0)
    machine.heard(1, too_fast("m0"), 1.0)
    machine.lost(1, CUT, 1.1)
    machine.tick(1.4)

    assert ids_sent(machine.heard(2, Resumed("e", 7, 0), 1.5)) == ["m0"]


def test_rooms_are_entered_and_left_all_the_same_once_it_may_go_on():
    machine = connected()
    machine.join("tea")
    machine.leave("tea")
    assert machine.heard(1, Refusal("rate_limited", "limit", None, 2.0), 1.0) == []
    assert machine.join("milk") == []

    assert machine.tick(3.0) == [Send(1, join("tea")), Send(1, leave("tea")), Send(1, join("milk"))]
    assert machine.join("salt") == [Send(1, join("salt"))]


def test_rooms_that_were_named_in_a_new_handshake_are_not_said_again():
    machine = connected()
    machine.join("tea")
    machine.heard(1, Refusal("rate_limited", "limit", None, 2.0), 1.0)
    machine.lost(1, CUT, 1.1)
    assert machine.tick(1.4) == [Open(2, 1, "?epoch=e&seq=7&room=tea")]
    machine.heard(2, Resumed("e", 7, 0), 1.5)

    assert machine.tick(9.0) == []


def test_a_client_that_moves_while_it_waits_does_both():
    machine = connected()
    machine.publish("m0", 0)
    machine.heard(1, too_fast("m0"), 1.0)
    machine.heard(1, NOTICE, 1.0)
    assert machine.due_at == 3.0

    assert ids_sent(machine.tick(3.0)) == ["m0"]
    assert machine.due_at == 6.0
    assert machine.tick(6.0) == [Open(2, 1, "?epoch=e&seq=7")]


def test_what_nobody_waits_for_any_more_is_not_sent_again():
    machine = connected()
    machine.publish("m0", 0)
    machine.heard(1, too_fast("m0"), 1.0)
    machine.forget("m0")

    assert machine.tick(3.0) == []
    assert machine.heard(1, too_fast("m0"), 4.0) == []
