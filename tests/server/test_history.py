"""What was published lately, without a hole and within bounds."""

from __future__ import annotations

import pytest

from server.messages.frame import Frame
from server.messages.history import History, StoredMessage


def kept(seq: int, text: str = "12345678") -> StoredMessage:
    return StoredMessage(seq, None, None, None, Frame.of(text))  # 10 bytes on the wire


def filled(messages: int, limit: int = 100, limit_bytes: int = 10_000) -> History:
    history = History(limit, limit_bytes)
    for seq in range(1, messages + 1):
        history.add(kept(seq))
    return history


def test_what_came_after_a_number_is_listed_oldest_first():
    assert [each.seq for each in filled(5).after(2)] == [3, 4, 5]
    assert filled(5).after(5) == []


def test_a_page_ends_when_it_is_full():
    assert [each.seq for each in filled(9).after(2, limit_bytes=15)] == [3, 4]


@pytest.mark.parametrize(("limit", "limit_bytes"), [(3, 10_000), (100, 35)])
def test_the_oldest_is_forgotten(limit, limit_bytes):
    history = filled(9, limit, limit_bytes)

    assert [history.reaches(number) for number in (5, 6, 9, 10)] == [False, True, True, False]
    assert [each.seq for each in history.after(6)] == [7, 8, 9]


def test_without_any_room_nothing_is_kept_but_the_number():
    history = filled(3, limit=0)

    assert (history.last, history.reaches(3), history.reaches(2)) == (3, True, False)


def test_a_hole_is_refused():
    with pytest.raises(ValueError, match="number 5 after 3"):
        filled(3).add(kept(5))


def test_it_begins_anew_after_a_loss():
    history = filled(3)
    history.begin_after(7)
    history.add(kept(8))

    assert (history.reaches(3), history.reaches(7), [each.seq for each in history.after(7)]) == (False, True, [8])
