"""The pace of an eviction."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.drain.machine import Pace


def test_it_starts_with_one_and_fills_with_time():
    pace = Pace(10, now=0)

    assert [pace.take(100, now) for now in (0, 0.05, 0.1, 0.35)] == [1, 0, 1, 2]


def test_it_grants_no_more_than_is_wanted():
    assert Pace(1000, now=0).take(3, now=10) == 3


def test_a_pace_below_one_a_second_closes_one_after_the_other():
    pace = Pace(0.5, now=0)

    assert [pace.take(9, now) for now in (0, 1, 2, 3, 4)] == [1, 0, 1, 0, 1]


@given(st.floats(0.1, 5000), st.lists(st.floats(0, 2), max_size=60))
def test_no_second_sees_more_than_twice_the_pace_whatever_the_delays(per_s: float, delays: list[float]):
    pace, now, granted = Pace(per_s, now=0), 0.0, []
    for delay in delays:
        now += delay
        granted.append((now, pace.take(10**9, now)))

    for start, _ in granted:
        in_a_second = sum(count for at, count in granted if start <= at < start + 1)
        assert in_a_second <= max(2, 2 * per_s)
