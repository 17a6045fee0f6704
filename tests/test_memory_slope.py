"""What is made of the samples of `python -m docs.memory_slope`: a slope, a table, and frames that a server reads."""

from __future__ import annotations

import pytest
from websockets.frames import Opcode

from docs.memory_slope import KIB, MIB, Sample, address_of, masked, report, slope, tenths


def samples(*mib: float) -> list[Sample]:
    """One a second, with ten visitors in each."""
    return [Sample(float(n), 10 * n, int(each * MIB)) for n, each in enumerate(mib)]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(0, 5), (1, 5), (2, 5)], 0),
        ([(0, 0), (1, 3), (2, 6)], 3),
        ([(0, 1), (1, 0), (2, 1), (3, 0)], -0.2),
        ([(1, 5), (1, 9)], 0),
    ],
)
def test_a_slope_is_what_the_points_grow_for_each_step(points: list[tuple[float, float]], expected: float):
    assert slope(points) == pytest.approx(expected)


def test_each_tenth_begins_with_its_first_sample_and_the_last_one_ends_them():
    seen = samples(*range(21))
    assert [each.at_s for each in tenths(seen, 20)] == [*range(0, 20, 2), 20]


def test_growth_until_the_bounds_are_full_is_not_in_the_slope_and_what_goes_on_is():
    flat = report(samples(*range(10, 20), *[20.0] * 11), 20)
    assert flat[:3] == ["| after, s | visitors | MiB |", "|---|---|---|", "| 0 | 0 | 10.0 |"]
    assert flat[-3] == "| 20 | 200 | 20.0 |"
    assert flat[-1] == "second half: +0 KiB a minute, +0.0 bytes a visitor"
    leak = report([Sample(n, 10 * n, n * 50 * KIB) for n in range(21)], 20)
    assert leak[-1] == f"second half: +{50 * 60} KiB a minute, +{5 * KIB}.0 bytes a visitor"


def test_every_visitor_has_an_address_of_its_own():
    assert [address_of(n) for n in (1, 256, 216_000)] == ["10.0.0.1", "10.0.1.0", "10.3.75.192"]
    assert len({address_of(n) for n in range(70_000)}) == 70_000


def test_a_masked_text_is_read_as_it_was_written():
    text = "x" * 125
    data = masked(text)
    assert (data[0] & 0xF, data[1] & 0x80, data[6:].decode()) == (Opcode.TEXT, 0x80, text)
    with pytest.raises(ValueError, match="text of 126 characters, limit 125"):
        masked("x" * 126)
