"""Who gets a message."""

from __future__ import annotations

import pytest

from server.rooms import Fanout


@pytest.fixture
def fanout() -> Fanout[str]:
    fanout: Fanout[str] = Fanout()
    for member in ("ann", "bob", "eve"):
        fanout.enter(member)
    return fanout


def test_everyone_gets_a_message_in_the_order_in_which_they_entered(fanout):
    assert list(fanout.audience()) == ["ann", "bob", "eve"]


def test_a_room_is_for_its_members(fanout):
    fanout.join("eve", "tea")
    fanout.join("ann", "tea")

    assert list(fanout.audience("tea")) == ["eve", "ann"]
    assert list(fanout.audience("nobody's")) == []


def test_who_leaves_a_room_is_still_among_everyone(fanout):
    fanout.join("ann", "tea")
    fanout.leave("ann", "tea")
    fanout.leave("ann", "never joined")

    assert list(fanout.audience("tea")) == []
    assert "ann" in fanout.audience()


def test_who_is_dropped_is_nowhere(fanout):
    fanout.join("ann", "tea")
    fanout.join("bob", "tea")
    fanout.drop("ann")
    fanout.drop("ann")

    assert (list(fanout.audience()), list(fanout.audience("tea"))) == (["bob", "eve"], ["bob"])


def test_entering_twice_keeps_the_rooms(fanout):
    fanout.join("ann", "tea")
    fanout.enter("ann")

    assert list(fanout.audience("tea")) == ["ann"]


def test_a_room_may_have_members_who_are_not_among_everyone(fanout):
    fanout.join("zoe", "tea")

    assert (list(fanout.audience("tea")), list(fanout.audience())) == (["zoe"], ["ann", "bob", "eve"])
