"""What is counted and timed in a crowd of clients."""

from __future__ import annotations

import pytest

from clients.python.terminal.figures import HEADER, Samples, Tally


def test_percentiles_are_the_nearest_rank_in_milliseconds():
    samples = Samples()
    for n in range(100, 0, -1):
        samples.add(n / 1000)
    assert len(samples) == 100
    assert samples.row("echo").split() == ["echo", "50.0", "90.0", "99.0", "100.0"]
    assert HEADER.split() == ["milliseconds", "p50", "p90", "p99", "max"]


def test_one_sample_is_every_percentile_and_none_is_a_dash():
    samples = Samples()
    assert samples.row("echo").split() == ["echo", "-", "-", "-", "-"]
    samples.add(1.5)
    assert samples.row("echo").split() == ["echo", *["1,500.0"] * 4]


@pytest.mark.parametrize(
    ("heard", "published", "counted"),
    [
        ([0, 1, 2], [0, 1, 2], (0, 0, 0)),
        ([0, 2], [0, 1, 2, 3], (2, 0, 0)),
        ([0, 2], [0, 2], (0, 0, 0)),
        ([0, 0, 1], [0, 1], (0, 1, 0)),
        ([1, 0, 0], [0, 1], (0, 1, 1)),
        ([], [0, 1], (2, 0, 0)),
    ],
    ids=["all", "one in the middle and the last", "one that was refused", "one twice", "another order", "none"],
)
def test_losses_doubles_and_changes_of_order_are_told_apart(
    heard: list[int], published: list[int], counted: tuple[int, int, int]
):
    tally = Tally()
    for n in heard:
        tally.hear(n)
    assert (tally.lost(published), tally.doubled, tally.reordered) == counted
    assert tally.received == len(heard)
