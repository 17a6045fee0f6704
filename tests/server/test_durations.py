"""Durations are counted by their length, as a histogram has them."""

from __future__ import annotations

from server.durations import BOUNDS_S, Durations


def test_a_duration_counts_in_its_bucket_and_in_every_wider_one_as_often_as_it_is_said():
    durations = Durations()
    durations.add(0.001)
    durations.add(0.002, times=3)
    durations.add(60.0)

    counts = dict(durations.buckets())
    assert [counts[bound] for bound in ("0.0005", "0.001", "0.0025", "10.0", "+Inf")] == [0, 1, 4, 4, 5]
    assert len(counts) == len(BOUNDS_S) + 1
    assert durations.sum_s == 0.001 + 3 * 0.002 + 60.0
