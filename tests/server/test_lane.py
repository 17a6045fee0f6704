"""What everyone is sent reaches each of them, and the bound on what waits holds although it is seldom looked at."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.connections.lane import LOOK_EVERY_BYTES, DirectOutput, Lane
from server.messages.frame import Batch, Frame

FOUR_BYTES = Batch.of([Frame.of("ab")])


class Reader:
    """Its own TCP connection and transport; what is written to it waits until it reads."""

    def __init__(self, limit_bytes: int = 1_000_000) -> None:
        self.transport = self
        self.waits: list[bytes] = []
        self.heard = 0
        self.looks = 0
        self.full: str | None = None
        self.output = DirectOutput(self, limit_bytes)  # type: ignore[arg-type]  # as much of a TCP connection as it needs

    @property
    def backlog(self) -> int:
        return sum(map(len, self.waits))

    def write(self, data: bytes) -> None:
        self.waits.append(data)
        self.heard += len(data)

    def get_write_buffer_size(self) -> int:
        self.looks += 1
        return self.backlog

    def overflow(self, full: str) -> None:
        self.full = full
        self.lane.leave(self)

    def enters(self, lane: Lane) -> Any:
        self.lane = lane
        lane.enter(self)
        return self


def test_backlogs_are_looked_at_only_now_and_then():
    lane = Lane()
    readers = [Reader().enters(lane) for _ in range(3)]
    lane.write(FOUR_BYTES)
    looked = [reader.looks for reader in readers]

    for _ in range(LOOK_EVERY_BYTES // 4):
        lane.write(FOUR_BYTES)
    assert [reader.looks for reader in readers] == looked
    lane.write(FOUR_BYTES)
    assert all(reader.looks > before for reader, before in zip(readers, looked, strict=True))
    assert {reader.heard for reader in readers} == {LOOK_EVERY_BYTES + 8}


def test_who_has_no_room_is_told_and_everyone_else_hears():
    lane = Lane()
    first, slow, last = Reader(100).enters(lane), Reader(100).enters(lane), Reader(100).enters(lane)
    for _ in range(26):
        lane.write(FOUR_BYTES)
        first.waits.clear()
        last.waits.clear()

    assert (first.full, slow.full, last.full) == (None, "100 of 100 bytes", None)
    assert (first.heard, slow.heard, last.heard) == (104, 100, 104)


def test_one_who_enters_with_little_room_counts_from_then_on():
    lane = Lane()
    Reader().enters(lane)
    lane.write(FOUR_BYTES)
    slow = Reader(100)
    slow.write(b"x" * 98)
    slow.enters(lane)
    lane.write(FOUR_BYTES)

    assert slow.full == "98 of 100 bytes"


def test_a_transport_that_is_closed_already_harms_nobody():
    lane = Lane()
    first, gone, last = Reader().enters(lane), Reader().enters(lane), Reader().enters(lane)
    lane.write(FOUR_BYTES)

    def closed(data: bytes) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    gone.write = closed
    lane.write(FOUR_BYTES)
    assert (first.heard, last.heard) == (8, 8)


@given(
    limits=st.lists(st.integers(10, 9000), min_size=1, max_size=4),
    steps=st.lists(st.tuples(st.integers(1, 6000), st.sets(st.integers(0, 3)), st.integers(0, 3)), max_size=40),
)
def test_nobody_ever_has_more_waiting_than_may(limits: list[int], steps: list[tuple[int, set[int], int]]):
    lane = Lane()
    readers = [Reader(limit).enters(lane) for limit in limits]
    for size, who_read, aside in steps:
        batch = Batch.of([Frame(b"x" * size)])
        there = [
            (reader, limit, reader.backlog) for reader, limit in zip(readers, limits, strict=True) if not reader.full
        ]
        lane.write(batch)
        for reader, limit, waited in there:
            if not waited or waited + size <= limit:
                assert (reader.full, reader.backlog) == (None, waited + size)
            else:
                assert (reader.full, reader.backlog) == (f"{waited} of {limit} bytes", waited)
        for n, reader in enumerate(readers):
            if n in who_read:
                reader.waits.clear()
            if n == aside and reader.full is None:  # it is sent something of its own, and comes back
                lane.leave(reader)
                reader.write(b"own")
                lane.enter(reader)
