"""What was published lately: within bounds that count what memory it takes, and fair to those who say little."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from server.messages.frame import Frame
from server.messages.history import AUDIENCES, OVERHEAD_BYTES, History, StoredMessage, TooLarge, check_size


def kept(seq: int, text: str = "12345678", **fields: str) -> StoredMessage:
    names = {"room": None, "to": None, "sender": None} | fields
    return StoredMessage(seq, wire=Frame.of(text).wire, **names)  # 10 bytes on the wire


SIZE = kept(1).bytes


def filled(messages: int, limit: int = 100, limit_bytes: int = 100_000, share: float = 1) -> History:
    history = History(limit, limit_bytes, share)
    for seq in range(1, messages + 1):
        history.add(kept(seq))
    return history


def numbers(history: History) -> list[int]:
    return [each.seq for each in history.after(0)]


def test_what_came_after_a_number_is_listed_oldest_first():
    assert [each.seq for each in filled(5).after(2)] == [3, 4, 5]
    assert filled(5).after(5) == []


def test_a_page_ends_when_it_is_full():
    assert [each.seq for each in filled(9).after(2, limit_bytes=15)] == [3, 4]


@pytest.mark.parametrize(("limit", "limit_bytes"), [(3, 100_000), (100, 3 * SIZE)])
def test_the_oldest_is_forgotten(limit, limit_bytes):
    history = filled(9, limit, limit_bytes)

    assert (numbers(history), history.lost_for("ann", ()), history.bytes) == ([7, 8, 9], 6, 3 * SIZE)


def test_where_nobody_has_more_than_its_share_the_oldest_goes():
    history = History(20, 10**9, 0.05)
    for seq in range(1, 31):
        history.add(kept(seq, sender=str(seq)))

    assert (numbers(history), history.evicted) == (list(range(11, 31)), {"full": 10, "share": 0})


def test_without_any_room_nothing_is_kept_but_the_number():
    history = filled(3, limit=0)

    assert (history.last, numbers(history), history.lost_for("ann", ()), history.bytes) == (3, [], 3, 0)


def test_a_hole_is_refused():
    with pytest.raises(ValueError, match="number 5 after 3"):
        filled(3).add(kept(5))


def test_it_begins_anew_in_another_log():
    history = filled(3)
    history.begin_after(7)
    history.add(kept(8))

    assert (numbers(history), history.lost_for("ann", ()), history.bytes) == ([8], 7, SIZE)


def test_a_loss_leaves_what_is_kept():
    history = filled(3)
    history.skip(7)
    history.add(kept(8))

    assert (numbers(history), history.lost_for("ann", ())) == ([1, 2, 3, 8], 7)


@pytest.mark.parametrize("by", ["messages", "bytes"])
def test_who_says_more_than_its_share_loses_its_own(by):
    history = History(100, 10**9, 0.05) if by == "messages" else History(10**9, 100 * kept(1, sender="ann").bytes, 0.05)
    for seq in range(1, 1001):
        history.add(kept(seq, sender="ann" if seq % 250 == 1 else "bob"))

    assert [each.seq for each in history.after(0) if each.sender == "ann"] == [1, 251, 501, 751]
    assert len(history.after(0)) == 100
    assert history.evicted == {"full": 0, "share": 900}


def test_of_several_above_their_share_the_oldest_goes_and_the_share_itself_is_nobodys_to_take():
    history = History(100, 10**9, 0.05)
    for seq in range(1, 101):
        history.add(kept(seq, sender="first" if seq <= 50 else "second"))
    for seq in range(101, 151):
        history.add(kept(seq, sender="third"))
    left = [each.sender for each in history.after(0)]

    assert {sender: left.count(sender) for sender in ("first", "second", "third")} == {
        "first": 5,
        "second": 45,
        "third": 50,
    }


def test_who_is_told_of_a_loss_is_for_whom_it_was():
    history = History(3, 10**9)
    for seq, fields in enumerate(({"room": "tea"}, {"to": "ann"}, {}, {"to": "eve", "room": "tea"}), 1):
        history.add(kept(seq, **fields))
    assert history.lost_for("ann", ()) == 0
    assert history.lost_for("ann", ("tea",)) == 1
    history.add(kept(5))
    assert (history.lost_for("ann", ()), history.lost_for("bob", ())) == (2, 0)
    history.add(kept(6))
    assert (history.lost_for("ann", ()), history.lost_for("bob", ("tea",))) == (3, 3)
    history.add(kept(7))
    assert (history.lost_for("eve", ()), history.lost_for("bob", ("tea",))) == (4, 3)


def test_losses_for_more_audiences_than_are_told_apart_are_everybodys():
    history = History(0, 0)
    for seq in range(1, AUDIENCES + 2):
        history.add(kept(seq, room=str(seq)))

    assert history.lost_for("ann", ()) == 1


@pytest.mark.attack
@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(lambda seq: kept(seq, "x" * 10_000 + "\N{GRINNING FACE}"), id="one emoji"),
        pytest.param(lambda seq: kept(seq, "[]", sender=str(seq), room=f"{seq}\N{GRINNING FACE}" * 8), id="many names"),
        pytest.param(lambda seq: kept(seq, "", sender=str(seq)), id="nothing at all"),
    ],
)
def test_no_more_memory_is_taken_than_is_counted(attack):
    """Measured before: 360 MB of memory, where 64 were said."""
    limit_bytes = 3_000_000
    gc.collect()
    tracemalloc.start()
    try:
        history = History(10**6, limit_bytes, 0.05)
        for seq in range(1, 2 * limit_bytes // OVERHEAD_BYTES):
            history.add(attack(seq))
        evicted = 150 * len(history._lost_to)  # bounded by AUDIENCES
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert 0.9 * limit_bytes < history.bytes <= limit_bytes
    assert taken - evicted < limit_bytes


@pytest.mark.parametrize("data", ["x" * 98, "\0" * 16, ["\u00e9" * 48], {"a": 1}, ["half a character: \ud800"] * 100])
def test_what_fits_and_what_is_no_json_passes(data):
    check_size(data, 100)


@pytest.mark.parametrize(("data", "size"), [("x" * 99, 101), ("\0" * 17, 104), (["\u00e9" * 49], 102)])
def test_what_is_too_large_as_json_is_refused_with_its_size(data, size):
    with pytest.raises(TooLarge, match=f"^data of {size} bytes as JSON, limit 100$"):
        check_size(data, 100)
