"""The bounded backlog of one client."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.connections.outbox import Offer, Outbox
from server.messages.frame import Frame


def test_frames_leave_in_the_order_in_which_they_came():
    outbox = Outbox(limit_bytes=100)

    assert [outbox.offer(Frame.of(text), now=0) for text in "abc"] == [Offer.KEPT] * 3
    assert [outbox.take().text for _ in range(3)] == ["a", "b", "c"]


def test_a_frame_that_does_not_fit_is_refused_and_changes_nothing():
    outbox = Outbox(limit_bytes=12)
    outbox.offer(Frame.of("12345678"), now=1.0)

    assert outbox.offer(Frame.of("abc"), now=4.2) is Offer.OVERFLOW
    assert outbox.describe(now=4.2) == "10 of 12 bytes, oldest 3.2 s"


def test_one_frame_larger_than_the_limit_is_kept_when_nothing_waits():
    assert Outbox(limit_bytes=10).offer(Frame.of("x" * 50), now=0) is Offer.KEPT


def test_an_empty_outbox_says_so():
    outbox = Outbox(limit_bytes=10)

    assert outbox.describe(now=5) == "0 of 10 bytes, oldest 0.0 s"
    with pytest.raises(IndexError):
        outbox.take()


def test_clearing_makes_room():
    outbox = Outbox(limit_bytes=10)
    outbox.offer(Frame.of("1234567890"), now=0)
    outbox.clear()

    assert (len(outbox), outbox.offer(Frame.of("1234567890"), now=0)) == (0, Offer.KEPT)


@given(st.lists(st.one_of(st.text(max_size=20), st.none()), max_size=200), st.integers(1, 100))
def test_nothing_is_lost_or_doubled_and_the_limit_holds(steps: list[str | None], limit: int):
    outbox, expected = Outbox(limit), []
    for step in steps:
        if step is None:
            if expected:
                assert outbox.take().text == expected.pop(0)
        elif outbox.offer(Frame.of(step), now=0) is Offer.KEPT:
            expected.append(step)
            assert outbox.backlog_bytes <= limit or len(expected) == 1
        assert len(outbox) == len(expected)
        assert outbox.backlog_bytes == sum(2 + len(text.encode()) for text in expected)
