"""How fast a client may send: what is let through, what is refused, and who goes on regardless."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from server.limits.rate import Meter, Rate, Rates

NONE = Rate(0, 0)
BY_MESSAGES = Rates(Rate(50, 100), NONE)
BY_BYTES = Rates(NONE, Rate(1000, 2000))


def test_a_burst_is_let_through_and_the_next_message_is_refused_until_the_bucket_is_full():
    meter = Meter(BY_MESSAGES)

    assert [meter.take(1, 5.0) for _ in range(100)] == [None] * 100
    assert meter.take(1, 5.0) == (
        "messages",
        "messages refused: 1, limit 50 a second, burst 100",
        2.0,
        False,
    )
    assert [meter.take(1, 7.0) for _ in range(100)] == [None] * 100


def test_after_a_refusal_everything_is_refused_until_the_bucket_is_full_so_that_nothing_overtakes():
    meter = Meter(BY_MESSAGES)
    taken = [n for n in range(300) if meter.take(1, n / 150) is None]  # three times as fast as allowed, for 2 s

    assert taken == list(range(149))
    assert meter.take(1, 2.9) is not None
    assert meter.take(1, 3.0) is None


def test_who_keeps_to_the_rate_is_never_refused():
    meter = Meter(BY_MESSAGES)

    assert [refused for n in range(5000) if (refused := meter.take(1, 3.3 + n / 50))] == []


def test_bytes_have_a_limit_of_their_own():
    meter = Meter(BY_BYTES)

    assert meter.take(1500, 0) is None
    assert meter.take(501, 0) == ("bytes", "bytes refused: 501, limit 1000 a second, burst 2000", 1.5, False)
    assert meter.take(500, 1.5) is None


def test_who_is_refused_as_much_again_as_a_burst_goes_on_regardless():
    meter = Meter(BY_MESSAGES)
    refused = [limited for _ in range(201) if (limited := meter.take(1, 0))]

    assert [each.regardless for each in refused] == [False] * 100 + [True]
    assert refused[-1].detail == "messages refused: 101, limit 50 a second, burst 100"


def test_who_sends_bytes_regardless_is_seen_by_its_bytes():
    meter = Meter(BY_BYTES)
    refused = [limited for _ in range(4) if (limited := meter.take(1500, 0))]

    assert [each.regardless for each in refused] == [False, True, True]


def test_who_waits_as_it_is_told_has_never_gone_on_regardless():
    meter, now = Meter(BY_MESSAGES), 0.0
    for _ in range(50):
        refused = [limited for _ in range(190) if (limited := meter.take(1, now))]
        assert [each.regardless for each in refused] == [False] * 90
        now += refused[-1].retry_after_s


def test_without_a_limit_anything_is_let_through():
    meter = Meter(Rates(NONE, NONE))

    assert [meter.take(10**9, 0) for _ in range(10_000)] == [None] * 10_000
    assert meter.full_at == 0


def test_a_meter_that_was_never_used_is_full():
    assert Meter(BY_MESSAGES).full_at == -math.inf


@given(st.lists(st.floats(0, 0.1), min_size=1, max_size=400))
def test_in_no_span_of_time_more_is_let_through_than_the_burst_and_the_rate_make(gaps: list[float]):
    meter, now, let_through = Meter(BY_MESSAGES), 0.0, [-math.inf]
    for gap in gaps:
        now += gap
        if meter.take(1, now) is None:
            let_through.append(now)
    most = range(1, len(let_through))
    assert all(
        last - first + 1 <= 100 + 50 * (let_through[last] - let_through[first]) + 0.001
        for first in most
        for last in (first, (first + len(let_through)) // 2, len(let_through) - 1)
        if last >= first
    )
    assert all(earlier <= later for earlier, later in pairwise(let_through))
