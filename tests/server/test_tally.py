"""What was refused for a limit is counted, and logged once a second at most."""

from __future__ import annotations

import pytest

from server.limits.tally import LimitReason, Tally


def test_each_is_counted_by_its_reason_and_one_line_a_second_is_written(caplog: pytest.LogCaptureFixture):
    now = 10.0
    tally = Tally(lambda: now)
    for _ in range(3):
        tally.add("messages", "ann", "messages refused: 1")
    now = 11.0
    tally.add("bytes", "b\nob", "bytes refused: 9")

    assert tally.counts == dict.fromkeys(LimitReason, 0) | {"messages": 3, "bytes": 1}
    assert [record.getMessage() for record in caplog.records] == [
        "limited: 'ann': messages refused: 1",
        "limited: 'b\\nob': bytes refused: 9; 2 more since the last such line",
    ]
